import type { ComponentChildren } from "preact";
import { withoutDirection } from "../../core/direction.ts";
import type { Role } from "../../core/tokens.ts";
import type { Assets } from "../shared/assets.ts";
import type { Viewer } from "../shared/web.ts";
import { momentText, Name, zoneName } from "./format.tsx";

interface NavigationItem {
  href: string;
  label: string;
  /** Pages that belong to it and are reached from there. */
  also?: readonly string[];
  who: readonly (Role | "affiliate")[];
}

const staff = ["admin", "operator", "analyst"] as const;

/** The pages in the order in which a morning goes. One line per page. */
const navigation: readonly NavigationItem[] = [
  { href: "/", label: "Today", who: staff },
  { href: "/spend", label: "Spend", who: staff },
  { href: "/cost", label: "CPA", also: ["/why"], who: staff },
  { href: "/conversions", label: "Conversions", who: staff },
  { href: "/tie-out", label: "Tie-out", who: staff },
  { href: "/creatives", label: "Creatives", also: ["/campaigns", "/waste", "/seats"], who: staff },
  { href: "/findings", label: "Findings", who: staff },
  { href: "/opportunities", label: "Opportunities", also: ["/pretargeting"], who: staff },
  { href: "/questions", label: "Questions", who: staff },
  { href: "/promo", label: "Promo", who: staff },
  { href: "/files", label: "Files", who: staff },
  { href: "/freshness", label: "Freshness", who: staff },
  { href: "/reconciliation", label: "Reconciliation", who: [...staff, "advertiser"] },
  { href: "/statements", label: "Statements", who: [...staff, "affiliate"] },
  { href: "/claims", label: "Your claims", who: ["affiliate"] },
  { href: "/alerts", label: "Alerts", who: staff },
];

export interface LayoutProps {
  title: string;
  assets: Assets;
  viewer: Viewer | null;
  path: string;
  zone: string;
  now: Date;
  /** Scripts of this page besides those of all. */
  scripts?: readonly string[] | undefined;
  children: ComponentChildren;
}

/** Every page: what is around its content. */
export function Layout(props: LayoutProps) {
  const { title, assets, viewer, path, zone, now, scripts = [], children } = props;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${withoutDirection(title)} · Signal Room`}</title>
        <link rel="icon" href={assets("icon.svg")} />
        <link rel="stylesheet" href={assets("style.css")} />
        <script type="module" src={assets("keys.js")} />
        <script type="module" src={assets("live.js")} />
        {scripts.map((name) => (
          <script key={name} type="module" src={assets(name)} />
        ))}
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        {viewer === null ? null : <Header viewer={viewer} path={path} />}
        <main id="content" tabIndex={-1}>
          {children}
        </main>
        <footer>
          {viewer === null ? (
            <span>Signal Room</span>
          ) : (
            <span>
              As of {momentText(now, zone)} {zoneName(zone, now)}. Days and times are in {zone.replaceAll("_", " ")}{" "}
              unless stated.
            </span>
          )}
          <span class="screen-only">
            Press <kbd>?</kbd> for keys
          </span>
        </footer>
        <Help />
      </body>
    </html>
  );
}

function Header({ viewer, path }: { viewer: Viewer; path: string }) {
  const items = navigation.filter(({ who }) => who.includes(viewer.role));
  const isWithin = (href: string) => (href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`));
  return (
    <header class="top">
      <a class="brand" href="/">
        Signal Room
      </a>
      <nav aria-label="Pages">
        <ul>
          {items.map(({ href, label, also = [] }) => (
            <li key={href}>
              <a href={href} aria-current={isWithin(href) ? "page" : also.some(isWithin) ? "true" : undefined}>
                {label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <details class="account">
        <summary>
          <Name of={viewer.subject} /> <span class="quiet">client {viewer.client}</span>
        </summary>
        <div class="menu">
          <p>
            Logged in as <Name of={viewer.subject} /> ({viewer.role})
          </p>
          {viewer.role === "affiliate" || viewer.role === "advertiser" ? null : <a href="/channels">Channels</a>}
          <a href="/sessions">Sessions</a>
          {viewer.role === "admin" ? <a href="/audit">Audit log</a> : null}
          <form method="post" action="/logout">
            <button type="submit">Log out</button>
          </form>
        </div>
      </details>
    </header>
  );
}

function Help() {
  return (
    <dialog id="help" aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {[
          ["/", "search or filter"],
          ["?", "this list"],
          ["t", "today"],
          ["y", "yesterday"],
          ["w", "the last 7 days"],
          ["m", "the last 30 days"],
          ["q", "the last 90 days"],
          ["e", "export what is shown"],
          ["Esc", "close"],
        ].map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

export interface StoreApp {
  store: "android" | "ios";
  /** The package name, or Apple's number. */
  id: string;
  /** As Apple's pages spell it in their address: `drop-frenzy`. */
  name?: string;
}

const android = (id: string | null | undefined): StoreApp | null =>
  id !== null && id !== undefined && /^[a-z]\w{0,60}(?:\.\w{1,60}){1,8}$/i.test(id) ? { store: "android", id } : null;

const ios = (id: string | null | undefined): StoreApp | null =>
  id !== null && id !== undefined && /^\d{6,12}$/.test(id) ? { store: "ios", id } : null;

/** Asking for a browser says nothing of whose page it opens. */
const browsers = new Set([
  ...["com.android.chrome", "com.chrome.beta", "com.android.browser", "com.sec.android.app.sbrowser"],
  ...["org.mozilla.firefox", "com.opera.browser", "com.microsoft.emmx", "com.brave.browser", "com.UCMobile.intl"],
]);

function packageOf({ hash }: URL): string | null {
  const [, named] = /;package=([^;]+);/.exec(hash) ?? [];
  return named === undefined || browsers.has(named) ? null : named;
}

/** The app that an address itself names, on its store's page or in a link of AppsFlyer or Firebase; null when none. */
export function appOf(url: URL): StoreApp | null {
  const { protocol, hostname, pathname, searchParams: query } = url;
  if (protocol === "market:") return android(query.get("id"));
  if (protocol === "intent:") return android(packageOf(url));
  if (protocol === "android-app:") return android(hostname);
  if (/^itms(?:-apps|-appss|s)?:$/.test(protocol)) return ios(/\/id(\d+)/.exec(pathname)?.[1] ?? query.get("id"));
  if (protocol !== "https:" && protocol !== "http:") return null;
  switch (hostname.replace(/^www\./, "")) {
    case "play.google.com":
    case "market.android.com":
      return /^\/store\/apps\/details\/?$|^\/details$/.test(pathname) ? android(query.get("id")) : null;
    case "apps.apple.com":
    case "itunes.apple.com":
    case "geo.itunes.apple.com":
    case "appstore.com":
      return byApple(pathname, query.get("id"));
    case "app.appsflyer.com":
    case "click.appsflyer.com":
    case "impression.appsflyer.com":
      return byAppsFlyer(pathname);
    case "galaxystore.samsung.com":
      return android(/^\/detail\/([^/]+)/.exec(pathname)?.[1]);
    default:
      return /\.page\.link$|\.app\.goo\.gl$/.test(hostname)
        ? (android(query.get("apn")) ?? ios(query.get("isi")))
        : /(?:^|\.)amazon\.[a-z.]{2,6}$/.test(hostname) && pathname.startsWith("/gp/mas/dl/android")
          ? android(query.get("p"))
          : null;
  }
}

/** `/com.name.app`, `/id1234567890`; a market may follow a hyphen: `/com.name.app-samsung`. */
function byAppsFlyer(pathname: string): StoreApp | null {
  const [, named = ""] = /^\/([^/]+)/.exec(pathname) ?? [];
  return ios(/^id(\d+)$/.exec(named)?.[1]) ?? android(named.replace(/-[\w.]+$/, ""));
}

/** `/us/app/drop-frenzy/id1559000101` */
function byApple(pathname: string, inQuery: string | null): StoreApp | null {
  const app = ios(/\/id(\d+)(?:\/|$)/.exec(pathname)?.[1] ?? inQuery);
  const [, name] = /\/app\/([a-z0-9-]{2,80})\/id\d/i.exec(pathname) ?? [];
  return app === null || name === undefined ? app : { ...app, name };
}

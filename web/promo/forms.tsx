import { z } from "zod";
import { Badge } from "../components/format.tsx";
import { PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { call, form, page } from "../shared/page.tsx";
import { keepers, type Web } from "../shared/web.ts";
import { promo, type Offer, type Variation } from "./answers.ts";

const number = z.string().regex(/^\d{1,10}$/);
const ticked = z.enum(["on"]).optional();
const weight = z.coerce.number({ error: "the weight must be a number" });
const text = z.string().trim().optional();

/** What people change of offers and texts: the JSON routes check, do and record it. */
export function promoForms(web: Web): void {
  newOfferPage(web);
  changes(web);
}

function newOfferPage(web: Web): void {
  page(web, { url: "/promo/new", who: keepers }, () =>
    Promise.resolve({
      title: "New offer",
      body: (
        <>
          <PageHead title="New offer" lead="It is selected once it has an approved text." />
          <form class="stack panel" method="post" action="/promo/new">
            <label>
              Name
              <input name="name" required maxLength={200} />
            </label>
            <label>
              Slug: its address below /r/, which stays
              <input name="slug" required pattern="[a-z0-9][a-z0-9\-]*" maxLength={100} autocomplete="off" />
            </label>
            <Places of={null} />
            <button type="submit" class="primary">
              Make the offer
            </button>
          </form>
        </>
      ),
    }),
  );
  const body = z.object({
    name: z.string(),
    slug: z.string(),
    destination_url: z.string(),
    click_id_parameter: text,
    landing_url: text,
    weight,
  });
  form(web, { url: "/promo/new", who: keepers, body }, async ({ request }, given) => {
    const made = await call<Offer>(web, request, { method: "POST", url: `${promo}/offers`, body: given });
    return `/promo/offers/${made.body.offer_id}`;
  });
}

function changes(web: Web): void {
  const offer = z.object({
    offer: number,
    name: z.string(),
    destination_url: z.string(),
    click_id_parameter: text,
    landing_url: text,
    weight,
    active: ticked,
    archived: ticked,
  });
  form(
    web,
    { url: "/promo/offers/change", who: keepers, body: offer },
    async ({ request }, { offer: id, ...given }) => {
      const body = {
        ...given,
        // A field that was emptied is left out by the form.
        click_id_parameter: given.click_id_parameter ?? null,
        landing_url: given.landing_url ?? null,
        active: given.active === "on",
        archived: given.archived === "on",
      };
      await call(web, request, { method: "PATCH", url: `${promo}/offers/${id}`, body });
      return `/promo/offers/${id}`;
    },
  );
  const added = z.object({
    offer: number,
    text_content: z.string(),
    cta_text: text,
    tone: text,
    length_category: text,
    weight,
    approved: ticked,
  });
  form(
    web,
    { url: "/promo/variations/new", who: keepers, body: added },
    async ({ request }, { offer: id, ...given }) => {
      const body = { ...given, approved: given.approved === "on" };
      await call(web, request, { method: "POST", url: `${promo}/offers/${id}/variations`, body });
      return `/promo/offers/${id}#manage`;
    },
  );
  const changed = z.object({ offer: number, variation: number, weight, approved: ticked });
  form(web, { url: "/promo/variations/change", who: keepers, body: changed }, async ({ request }, given) => {
    const body = { weight: given.weight, approved: given.approved === "on" };
    await call(web, request, { method: "PATCH", url: `${promo}/variations/${given.variation}`, body });
    return `/promo/offers/${given.offer}#manage`;
  });
}

/** Where an offer leads, and how often it is selected. */
function Places({ of }: { of: Offer | null }) {
  return (
    <>
      <label>
        Where its links lead
        <input type="url" name="destination_url" value={of?.destination_url} required maxLength={2_000} />
      </label>
      <label>
        Parameter for the click id, such as sub1 or s2s; empty sends none
        <input name="click_id_parameter" value={of?.click_id_parameter ?? ""} maxLength={50} autocomplete="off" />
      </label>
      <label>
        Last page of its redirects, to be checked; empty is not checked
        <input type="url" name="landing_url" value={of?.landing_url ?? ""} maxLength={2_000} />
      </label>
      <Weight of={of?.weight ?? 1} label="Weight against the other offers; 0 is never selected" />
    </>
  );
}

function Weight({ of, label }: { of: number; label: string }) {
  return (
    <label>
      {label}
      <input type="number" name="weight" value={of} min={0} max={1_000_000} step="any" required />
    </label>
  );
}

function Box({ name, label, on }: { name: string; label: string; on: boolean }) {
  return (
    <label class="box">
      <input type="checkbox" name={name} checked={on} /> {label}
    </label>
  );
}

export function ChangeOffer({ of }: { of: Offer }) {
  return (
    <form class="stack panel" method="post" action="/promo/offers/change">
      <h3>The offer</h3>
      <input type="hidden" name="offer" value={of.offer_id} />
      <label>
        Name
        <input name="name" value={of.name} required maxLength={200} />
      </label>
      <Places of={of} />
      <Box name="active" label="Selected for newsletters" on={of.active} />
      <Box name="archived" label="Archived: its links answer 404, its counts stay" on={of.archived} />
      <button type="submit">Save the offer</button>
    </form>
  );
}

export function NewVariation({ of }: { of: Offer }) {
  return (
    <form class="stack panel" method="post" action="/promo/variations/new">
      <h3>Another text</h3>
      <input type="hidden" name="offer" value={of.offer_id} />
      <label>
        Text; its words stay once it is made
        <textarea name="text_content" rows={4} required maxLength={20_000} />
      </label>
      <label>
        Words of the link
        <input name="cta_text" maxLength={200} />
      </label>
      <label>
        Tone
        <input name="tone" maxLength={50} />
      </label>
      <label>
        Length
        <input name="length_category" maxLength={50} />
      </label>
      <Weight of={1} label="Weight against the other texts; 0 is never selected" />
      <Box name="approved" label="Approved: may be selected" on={false} />
      <button type="submit">Add the text</button>
    </form>
  );
}

/** Every text of the offer, whether it was shown or not. */
export function Variations({ of, isKeeper, zone }: { of: Offer; isKeeper: boolean; zone: string }) {
  const columns: Column<Variation>[] = [
    { name: "text_content", label: "Text", kind: "text", value: (row) => row.text_content, isLong: true },
    { name: "cta_text", label: "Link", kind: "text", value: (row) => row.cta_text, isExtra: true },
    { name: "tone", label: "Tone", kind: "text", value: (row) => row.tone, isExtra: true },
    {
      name: "approved",
      label: "State",
      kind: "text",
      value: (row) => row.approved,
      show: ({ approved }) => (
        <Badge tone={approved ? "good" : "warning"}>{approved ? "approved" : "not approved"}</Badge>
      ),
    },
    { name: "weight", label: "Weight", kind: "ratio", value: (row) => row.weight },
    ...(isKeeper ? [changeColumn(of)] : []),
  ];
  return (
    <Table
      columns={columns}
      rows={of.variations}
      caption="Texts of the offer"
      zone={zone}
      json={{ url: `${promo}/offers/${of.offer_id}`, path: "variations" }}
      empty={<p>No text yet: without an approved one the offer is not selected.</p>}
    />
  );
}

function changeColumn(of: Offer): Column<Variation> {
  return {
    name: "change",
    label: "Change",
    kind: "text",
    value: () => null,
    isLocal: true,
    show: ({ variation_id: id, approved, weight: own }) => (
      <form class="inline" method="post" action="/promo/variations/change">
        <input type="hidden" name="offer" value={of.offer_id} />
        <input type="hidden" name="variation" value={id} />
        <label>
          <span class="visually-hidden">Weight of text {id}</span>
          <input type="number" name="weight" value={own} min={0} max={1_000_000} step="any" required />
        </label>
        <label class="box">
          <input type="checkbox" name="approved" checked={approved} /> approved
        </label>
        <button type="submit">Save</button>
      </form>
    ),
  };
}

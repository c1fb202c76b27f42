const mostKept = 500;
/** What makes a path more than a place: an address, or parameters that are written into it, also where they are encoded twice. */
const personal = /[@=;]|%(25|40|3[bdf])/i;

/** The page that a link was on: where it is, read as browsers read it, and never who was there. What is no address of a page is not kept. */
export function keptReferrer(text: string | null | undefined): string | null {
  const given = storable(text ?? "");
  if (!URL.canParse(given)) return null;
  const { protocol, host, hostname, port, pathname } = new URL(given);
  if (protocol !== "http:" && protocol !== "https:") return null;
  // A password with a slash in it ends the host too early: what stands for the host is then the name.
  if (pathname.includes("@") && (port !== "" || !hostname.includes("."))) return null;
  return `${protocol}//${host}${personal.test(pathname) ? "/" : pathname}`.slice(0, mostKept);
}

/** Postgres has no zero byte, and no half of a surrogate pair, which a cut can make. */
export function storable(text: string): string {
  return text.replaceAll(/[\u0000\p{Surrogate}]/gu, "");
}

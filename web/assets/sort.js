// @ts-check
// Orders the cards that are here without asking the server. The links do the same without this script.

const list = document.getElementById("creatives");
const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[data-sort]"));

/** Spend: the greatest first. Ratios: the cheapest first, those without one last. Ids: in order. */
const orders = {
  spend: (/** @type {DOMStringMap} */ a, /** @type {DOMStringMap} */ b) => Number(b.spend) - Number(a.spend),
  cpc: (/** @type {DOMStringMap} */ a, /** @type {DOMStringMap} */ b) => ratio(a.cpc) - ratio(b.cpc),
  cpm: (/** @type {DOMStringMap} */ a, /** @type {DOMStringMap} */ b) => ratio(a.cpm) - ratio(b.cpm),
  id: () => 0,
};

/** @param {string | undefined} text */
function ratio(text) {
  return text === undefined || text === "" ? Number.MAX_VALUE : Number(text);
}

/** Ids have more digits than a number. @param {string} a @param {string} b */
function byId(a, b) {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

for (const link of links)
  link.addEventListener("click", (event) => {
    const order = orders[/** @type {keyof typeof orders} */ (link.dataset.sort)];
    if (list === null || order === undefined || event.ctrlKey || event.metaKey) return;
    // On a page of a longer list only the server knows what comes first.
    if (document.querySelector("nav.pages") !== null) return;
    event.preventDefault();
    const cards = /** @type {HTMLElement[]} */ ([...list.children]);
    cards.sort((a, b) => order(a.dataset, b.dataset) || byId(a.dataset.id ?? "", b.dataset.id ?? ""));
    list.replaceChildren(...cards);
    history.replaceState(null, "", link.href);
    for (const other of links) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
  });

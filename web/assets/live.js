// @ts-check
// What is running refreshes itself: an element with data-live="2" and an id is fetched again every two seconds, until the
// page that comes back has it without data-live. Nothing else moves, and whoever types in it is left alone.

/** @param {HTMLElement} element */
async function follow(element) {
  while (element.dataset.live !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, Number(element.dataset.live)) * 1000));
    if (document.hidden || element.contains(document.activeElement)) continue;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (answer === null || !answer.ok || answer.redirected) continue;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById(element.id);
    if (next === null) return;
    if (next.innerHTML !== element.innerHTML) element.innerHTML = next.innerHTML;
    if (next.dataset.live === undefined) {
      delete element.dataset.live;
      // What is over may concern more of the page than what ran.
      if (element.dataset.then === "reload") location.reload();
    }
  }
}

for (const element of document.querySelectorAll("[data-live][id]")) void follow(/** @type {HTMLElement} */ (element));

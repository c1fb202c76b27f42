// @ts-check
// Keys for those who know them: each does what a link or field of the page does.

const fields = "input, textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  const at = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || at.closest(fields) !== null) return;
  const help = /** @type {HTMLDialogElement | null} */ (document.getElementById("help"));
  if (help?.open === true) return;
  if (event.key === "?") {
    event.preventDefault();
    help?.showModal();
    return;
  }
  if (event.key === "/") {
    const search = /** @type {HTMLElement | null} */ (
      document.querySelector(
        "main input[type=search], main form.filters :is(input:not([type=hidden]), select), main .period input:not([type=hidden])",
      )
    );
    if (search === null) return;
    event.preventDefault();
    search.focus();
    return;
  }
  if (!/^[a-z]$/.test(event.key)) return;
  const link = /** @type {HTMLElement | null} */ (document.querySelector(`[data-key="${event.key}"]`));
  if (link === null) return;
  event.preventDefault();
  link.click();
});

// A menu closes when something else is chosen.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.account[open]"))
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
});

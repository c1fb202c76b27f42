// @ts-check
// Shows how much of a file is sent. Without this script the form does the same and shows nothing meanwhile.

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-upload]")))
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });

/** @param {HTMLFormElement} form */
function send(form) {
  const progress = /** @type {HTMLProgressElement} */ (form.querySelector("progress"));
  const wrong = /** @type {HTMLElement} */ (form.querySelector("[role=alert]"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const request = new XMLHttpRequest();
  const isSending = (/** @type {boolean} */ is) => {
    progress.hidden = !is;
    button.disabled = is;
  };
  /** @param {string} text */
  const fail = (text) => {
    isSending(false);
    wrong.textContent = text;
    wrong.hidden = false;
  };
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    progress.max = total;
    progress.value = loaded;
  });
  request.addEventListener("error", () => fail("The connection broke. Nothing is stored; send it again."));
  request.addEventListener("load", () => {
    if (request.status < 400) return location.assign(request.responseURL);
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    fail(page.querySelector(".notice p")?.textContent ?? `The server answered ${request.status}.`);
  });
  wrong.hidden = true;
  isSending(true);
  request.open("POST", form.action);
  request.setRequestHeader("accept", "text/html");
  request.send(new FormData(form));
}

// Updates a page whose visitor signed out elsewhere: nothing on it names the person any more.

// Returns a link that reloads the page.
export function showSignedOut() {
  const note = document.createElement("span");
  note.className = "who muted";
  note.textContent = "Signed out";
  document.querySelector(".account").replaceChildren(note);
  document.querySelectorAll("[data-signed-out-text]").forEach((element) => {
    element.textContent = element.dataset.signedOutText;
  });
  document.querySelectorAll(".person").forEach((button) => button.setAttribute("aria-current", "false"));
  const link = document.createElement("a");
  link.className = "button reload";
  link.href = location.pathname;
  link.textContent = "Reload this page";
  return link;
}

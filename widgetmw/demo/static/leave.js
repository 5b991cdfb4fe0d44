// What is left of a page when its visitor has signed out elsewhere: nothing that names the person.

export function leave() {
  const account = document.querySelector(".account");
  const note = document.createElement("span");
  note.className = "who muted";
  note.textContent = "Signed out";
  account.replaceChildren(note);
  document.querySelectorAll("[data-greeting]").forEach((greeting) => { greeting.textContent = greeting.dataset.greeting; });
  const link = document.createElement("a");
  link.className = "button reload";
  link.href = location.pathname;
  link.textContent = "Reload this page";
  return link;
}

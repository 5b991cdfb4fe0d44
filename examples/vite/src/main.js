// The app: it shows who is signed in, and signs in and out without a page load.
const request = (path, options) => fetch(import.meta.env.VITE_API + path, { credentials: "include", ...options });

async function showUser() {
  const { name } = await (await request("/user")).json();
  document.querySelector("p").textContent = name ? `Hello, ${name}.` : "Nobody is signed in.";
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await request("/sign-in", { method: "POST", body: new FormData(event.target, event.submitter) });
  window.widgetmw?.refresh("digitalgenius"); // the runtime cannot know of a sign-in without a page load
  await showUser();
});

document.querySelector("#sign-out").addEventListener("click", async () => {
  await request("/sign-out", { method: "POST" });
  window.widgetmw?.signOut();
  await showUser();
});

showUser();

// Compares the page with and without widgetmw. The server renders both when the visitor opens the comparison.
import { fetchComparison, ResponseView } from "./response-view.js";

const details = document.getElementById("inspector");

if (details) {
  const view = new ResponseView("inspector");
  const compare = () => {
    if (details.open) view.load(() => fetchComparison(`/inspect${details.dataset.page}`));
  };
  details.addEventListener("toggle", compare);
  // The visitor may have opened it before this script ran.
  compare();
}

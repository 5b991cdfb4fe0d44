// On a narrow screen the navigation scrolls; the link of the current page must be in view.

document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Puts the sections together; sections that the record has nothing for are left out.

function showPage() {
  const report = JSON.parse(document.getElementById("data").textContent);
  const sections = [headSection, warningsSection, resultsSection, tradeSection, budgetSection, sitesSection,
    trainingSection, spectraSection, commandSection, notesSection, manifestSection];
  const page = document.getElementById("page");
  page.replaceChildren(...sections.map(make => make(report)).filter(part => part !== null),
    el("footer", {}, paragraph(`Made by lowrank ${report.version}. This file fetches nothing.`)));
}

showPage();

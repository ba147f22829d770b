"use strict";
const table = document.getElementById("all");
const body = table.tBodies[0];
const form = document.forms.filter;
const shown = document.getElementById("shown");

function filter() {
  const words = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of body.rows) {
    const text = row.textContent.toLowerCase();
    const visible = words.every((word) => text.includes(word))
      && (!form.verdict.value || row.dataset.verdict === form.verdict.value)
      && (!form.article.value || row.dataset.article === form.article.value)
      && (!form.failed.checked || row.className === "fails");
    row.hidden = !visible;
    count += visible;
  }
  shown.textContent = `${count} of ${body.rows.length} shown`;
}

// Numbers before words, NaN last; equal entries keep their order.
function compare(a, b) {
  const [x, y] = [Number(a), Number(b)];
  if (a === "" || b === "" || (Number.isNaN(x) && Number.isNaN(y))) return a.localeCompare(b);
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
  return x - y || 0;
}

function sort(heading) {
  const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const key = (row) => row.cells[heading.cellIndex].dataset.value ?? row.cells[heading.cellIndex].textContent;
  const rows = [...body.rows].sort((a, b) => sign * compare(key(a), key(b)));
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  body.append(...rows);
}

for (const heading of table.tHead.rows[0].cells) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = heading.textContent;
  button.addEventListener("click", () => sort(heading));
  heading.replaceChildren(button);
}
for (const link of document.querySelectorAll("a[data-find]")) {
  link.addEventListener("click", () => {
    form.reset();
    form.words.value = link.dataset.find;
    filter();
  });
}
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
filter();

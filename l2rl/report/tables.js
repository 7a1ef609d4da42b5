// Tables that sort by their headers, can be searched, and leave as CSV, all from what the cells
// carry in `data-value`. `l2rlTables.prepare(root)` does it for the tables inside `root`.
const l2rlTables = (() => {
  // By the table's name, so that a table drawn anew is in the order that was chosen.
  const orders = new Map(), searches = new Map();
  const NEXT = {none: "ascending", ascending: "descending", descending: "none"};

  const valueOf = cell => cell.dataset.value ?? cell.textContent.trim();

  function compare(a, b, numeric) {
    if (a === "" || b === "") return (a === "") - (b === "");
    return numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", {numeric: true});
  }

  function sort(box, column, direction) {
    const headers = [...box.querySelectorAll("thead th")];
    const numeric = headers[column].classList.contains("n");
    const sign = direction === "descending" ? -1 : 1;
    const rows = [...box.querySelectorAll("tbody tr")];
    rows.forEach((row, index) => { row.dataset.place ??= index; });
    rows.sort((one, other) => {
      const before = Number(one.dataset.place) - Number(other.dataset.place);
      if (direction === "none") return before;
      const [a, b] = [valueOf(one.cells[column]), valueOf(other.cells[column])];
      // What has no value stays at the end in both directions.
      const missing = a === "" || b === "";
      return (missing ? 1 : sign) * compare(a, b, numeric) || before;
    });
    box.querySelector("tbody").append(...rows);
    headers.forEach((header, index) => {
      if (index === column && direction !== "none") header.setAttribute("aria-sort", direction);
      else header.removeAttribute("aria-sort");
    });
    orders.set(box.dataset.table, [column, direction]);
  }

  function search(box, text) {
    for (const row of box.querySelectorAll("tbody tr"))
      row.hidden = !row.textContent.toLowerCase().includes(text.toLowerCase());
    searches.set(box.dataset.table, text);
  }

  const quoted = text => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

  // The rows that are shown, in their order.
  function csv(box) {
    const lines = [[...box.querySelectorAll("thead th")].map(header => header.textContent.trim())];
    for (const row of box.querySelectorAll("tbody tr:not([hidden])"))
      lines.push([...row.cells].map(valueOf));
    return lines.map(line => line.map(quoted).join(",") + "\r\n").join("");
  }

  function download(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], {type}));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function prepareOne(box) {
    box.querySelectorAll("thead th").forEach((header, column) => {
      header.querySelector("button").onclick = () =>
        sort(box, column, NEXT[header.getAttribute("aria-sort") ?? "none"]);
    });
    box.querySelector(".csv").onclick = () =>
      download(box.dataset.table + ".csv", csv(box), "text/csv;charset=utf-8");
    const field = box.querySelector(".filter");
    if (field) field.oninput = () => search(box, field.value);
    if (orders.has(box.dataset.table)) sort(box, ...orders.get(box.dataset.table));
    if (field && searches.has(box.dataset.table)) {
      field.value = searches.get(box.dataset.table);
      search(box, field.value);
    }
  }

  function prepare(root) {
    root.querySelectorAll("[data-table]").forEach(prepareOne);
  }

  return {prepare, csv, download};
})();

for (const row of document.querySelectorAll("tr.sort")) {
  [...row.cells].forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const body = row.closest("table").tBodies[0];
    const key = tr => {
      const cell = tr.cells[column];
      return cell.dataset.v === undefined ? NaN : Number(cell.dataset.v);
    };
    const numeric = head.classList.contains("num");
    const down = head.ariaSort ? head.ariaSort === "ascending" : numeric;
    for (const other of row.cells) other.ariaSort = null;
    head.ariaSort = down ? "descending" : "ascending";
    const sign = down ? -1 : 1;
    [...body.rows].sort((a, b) => {
      if (!numeric) return sign * a.cells[column].textContent.localeCompare(b.cells[column].textContent, "en", { numeric: true });
      const [x, y] = [key(a), key(b)];
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return sign * (x - y);
    }).forEach(tr => body.append(tr));
  }));
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(d => d.open = true));

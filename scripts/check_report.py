#!/usr/bin/env python3
"""Tests the page of a report in headless Chromium: a copy of it runs a script that clicks, sorts, scrolls and
toggles, and what its DOM then says is checked here. Also: no request leaves the page, it is below 15 MB, and
screenshots at desktop and phone width, in the dark and as printed, are kept.

    python3 scripts/check_report.py runs/ablation-demo/report [--out shots] [--chromium PATH]

Needs Chromium (Debian: chromium). About half a minute.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MOST_BYTES = 15_000_000

# What runs inside the page, after its own scripts. Every check has a name; a failure says what was found.
INSIDE = r"""
(async () => {
  const results = [];
  const check = (name, holds, found) => results.push({ name, holds: Boolean(holds), found: String(found ?? "") });
  const errors = [];
  addEventListener("error", event => errors.push(event.message));
  const loaded = image => new Promise(done => image.complete ? done() : (image.onload = image.onerror = done));
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  try {
    // Structure that a screen reader walks.
    check("one h1", all("h1").length === 1, all("h1").length);
    check("language", document.documentElement.lang === "en", document.documentElement.lang);
    const levels = all("h1, h2, h3").map(h => Number(h.tagName[1]));
    check("no heading level is skipped", levels.every((l, i) => i === 0 || l <= levels[i - 1] + 1), levels);
    check("every link inside the page leads somewhere",
      all('a[href^="#"]').every(a => document.getElementById(a.getAttribute("href").slice(1))),
      all('a[href^="#"]').map(a => a.getAttribute("href")));
    const ids = all("[id]").map(e => e.id);
    check("no id twice", new Set(ids).size === ids.length, ids.filter((id, i) => ids.indexOf(id) !== i));
    check("pictures have words", all("img").every(i => i.alt) && all("svg[role=img]").every(s => s.querySelector("title")), "");
    check("heads of columns and rows", all("table").every(t => t.querySelector("th[scope=col]")), "");
    check("every control has a name", all("select, input").every(c => c.labels?.length || c.getAttribute("aria-label")), "");
    check("a skip link comes first", document.querySelector("a")?.className === "skip", document.querySelector("a")?.outerHTML);
    check("wide tables scroll by keyboard", all(".scroll").every(s => s.tabIndex === 0 && s.getAttribute("aria-label")), "");
    check("the fingerprint is there", /content [0-9a-f]{12}/.test(document.querySelector("footer")?.textContent), "");

    // Sorting, by click and with the right order.
    let sorted = 0;
    for (const table of all("table")) {
      const head = all("tr.sort th.num", table)[0];
      if (!head || table.tBodies[0].rows.length < 2) continue;
      const column = head.cellIndex;
      const values = () => [...table.tBodies[0].rows].map(r => r.cells[column].dataset.v).filter(v => v !== undefined).map(Number);
      head.querySelector("button").click();
      const down = values();
      check(`sorted down: ${table.closest("figure").id}`, head.ariaSort === "descending" && down.every((v, i) => i === 0 || v <= down[i - 1]), down);
      head.querySelector("button").click();
      const up = values();
      check(`sorted up: ${table.closest("figure").id}`, head.ariaSort === "ascending" && up.every((v, i) => i === 0 || v >= up[i - 1]), up);
      const bare = [...table.tBodies[0].rows].map(r => r.cells[column].dataset.v === undefined);
      check(`missing last: ${table.closest("figure").id}`, bare.every((b, i) => i === 0 || b >= bare[i - 1]), bare);
      sorted += 1;
    }
    check("tables were sorted", sorted >= 3, sorted);

    // The slice viewer.
    const viewer = document.querySelector(".viewer");
    if (viewer) {
      const part = name => viewer.querySelector(`[data-part="${name}"]`);
      const told = () => part("told").textContent;
      const key = name => part("stage").dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
      check("the viewer is shown", !viewer.hidden && part("stage").clientWidth > 100, part("stage").clientWidth);
      const stacks = JSON.parse(viewer.querySelector("script").textContent);
      check("every case can be chosen", part("case").options.length === stacks.length, part("case").options.length);
      part("slice").value = 0;
      part("slice").dispatchEvent(new Event("input"));
      const [first, place] = [told(), part("ct").style.backgroundPosition];
      check("the slice is told", first.includes(`slice ${stacks[0].z[0]} (1 of ${stacks[0].z.length})`), first);
      key("ArrowUp");
      check("an arrow key goes on", told() !== first && part("slice").value === "1", told());
      check("the picture moved", part("ct").style.backgroundPosition !== place, place);
      part("stage").dispatchEvent(new WheelEvent("wheel", { deltaY: -1, cancelable: true }));
      check("the wheel goes back", told() === first, told());
      key("r");
      check("r hides the reference", part("truth").hidden && getComputedStyle(part("truth")).display === "none", "");
      key("r");
      check("r shows it again", !part("truth").hidden, "");
      part("show-prediction").click();
      check("the prediction can be hidden", part("prediction").hidden, "");
      part("show-prediction").click();
      const networks = part("network").options.length;
      check("every prediction can be chosen", networks === stacks[0].predictions.length, networks);
      if (networks > 1) {
        const before = part("prediction").style.backgroundImage;
        part("network").value = "0";
        part("network").dispatchEvent(new Event("change"));
        check("another prediction is another picture", part("prediction").style.backgroundImage !== before, "");
      }
      if (stacks.length > 1) {
        part("case").value = "1";
        part("case").dispatchEvent(new Event("change"));
        check("another case", told().startsWith(stacks[1].case), told());
      }
      for (const stack of stacks) {
        const image = new Image();
        image.src = stack.ct;
        await loaded(image);
        check(`pixels of ${stack.case}`, image.naturalWidth % stack.columns === 0 && image.naturalHeight % stack.rows === 0, `${image.naturalWidth} x ${image.naturalHeight}`);
      }
    }
    for (const image of all("img")) {
      image.loading = "eager";
      await loaded(image);
      check(`a picture loads: ${image.alt.slice(0, 50)}`, image.naturalWidth > 0, image.src.slice(0, 80));
    }
    check("the page is no wider than its window", document.documentElement.scrollWidth <= innerWidth + 1, `${document.documentElement.scrollWidth} in ${innerWidth}`);
    const wanted = performance.getEntriesByType("resource").map(r => r.name).filter(n => !n.startsWith("data:") && !n.startsWith("file:"));
    check("nothing is asked of the network", wanted.length === 0, wanted);
    check("no script failed", errors.length === 0, errors);
  } catch (error) {
    check("the checks ran", false, error.stack);
  }
  const out = document.createElement("pre");
  out.id = "check-results";
  out.textContent = JSON.stringify(results);
  document.body.append(out);
})();
"""


class Browser:
    def __init__(self, binary, profile):
        self.command = [
            binary, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={profile}",
        ]

    def run(self, *arguments):
        made = subprocess.run([*self.command, *arguments], capture_output=True, text=True, timeout=300)
        if made.returncode != 0:
            sys.exit(f"the browser failed: {made.stderr[-2000:]}")
        return made.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, help="where the screenshots go")
    parser.add_argument("--chromium", default=None)
    options = parser.parse_args()
    binary = options.chromium or next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if binary is None:
        sys.exit("no Chromium here; install one (Debian: apt-get install chromium) or name it with --chromium")
    page = options.report / "index.html"
    text = page.read_text()
    problems = []
    size = page.stat().st_size
    if size > MOST_BYTES:
        problems.append(f"the page has {size} bytes")
    for address in re.findall(r"""(?:src|href)=["'](https?:[^"']+)""", text) + re.findall(r"url\((https?:[^)]+)", text):
        problems.append(f"the page asks the network for {address}")
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(binary, Path(folder) / "profile")
        # The copy lies beside the page: its pictures' addresses are relative.
        copy = options.report / ".check-report.html"
        try:
            copy.write_text(text.replace("</body>", f"<script>{INSIDE}</script>\n</body>"))
            checks = 0
            for width in (1400, 390):
                dom = browser.run(f"--window-size={width},900", "--virtual-time-budget=30000", "--dump-dom", copy.resolve().as_uri())
                found = re.search(r'<pre id="check-results">(.*?)</pre>', dom, re.S)
                if not found:
                    sys.exit("the checks did not end")
                plain = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
                for result in json.loads(plain):
                    checks += 1
                    if not result["holds"]:
                        problems.append(f"{width} pixels: {result['name']}: {result['found'][:300]}")
        finally:
            copy.unlink(missing_ok=True)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            shots = options.out.resolve()
            address = page.resolve().as_uri()
            browser.run("--window-size=1400,14000", f"--screenshot={shots / 'desktop.png'}", address)
            browser.run("--window-size=500,14000", f"--screenshot={shots / 'phone.png'}", address)
            browser.run("--window-size=1400,4000", "--blink-settings=preferredColorScheme=0", f"--screenshot={shots / 'dark.png'}", address)
            browser.run("--no-pdf-header-footer", f"--print-to-pdf={shots / 'print.pdf'}", address)
    for problem in problems:
        print(f"FAILED: {problem}")
    print(f"{checks} checks in the browser, {size / 1e6:.1f} MB, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

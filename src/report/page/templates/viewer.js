for (const viewer of document.querySelectorAll(".viewer")) {
  const cases = JSON.parse(viewer.querySelector("script").textContent);
  const part = name => viewer.querySelector(`[data-part="${name}"]`);
  const [pick, net, slide, stage, told] = ["case", "network", "slice", "stage", "told"].map(part);
  const layers = ["ct", "prediction", "truth"].map(part);
  const percent = dice => dice === null ? "—" : (100 * dice).toFixed(1);
  let shown;
  const place = () => {
    const i = Number(slide.value), column = i % shown.columns, row = Math.floor(i / shown.columns);
    const at = (step, count) => count > 1 ? `${100 * step / (count - 1)}%` : "0%";
    for (const layer of layers) layer.style.backgroundPosition = `${at(column, shown.columns)} ${at(row, shown.rows)}`;
    const own = shown.predictions[net.value];
    const text = `${shown.case}, slice ${shown.z[i]} (${i + 1} of ${shown.z.length})`;
    told.textContent = text + (own ? `; ${own.title}: Dice liver ${percent(own.liver)}, lesion ${percent(own.lesion)}` : "");
    slide.setAttribute("aria-valuetext", text);
  };
  const choose = () => {
    const own = shown.predictions[net.value];
    const sources = [shown.ct, own ? own.labels : "", shown.truth];
    layers.forEach((layer, i) => {
      layer.style.backgroundImage = sources[i] ? `url(${sources[i]})` : "none";
      layer.style.backgroundSize = `${100 * shown.columns}% ${100 * shown.rows}%`;
    });
    place();
  };
  const open = () => {
    const before = net.selectedOptions[0]?.textContent;
    shown = cases[pick.value];
    net.replaceChildren(...shown.predictions.map((p, i) => new Option(p.title, i)));
    const same = shown.predictions.findIndex(p => p.title === before);
    net.value = String(same < 0 ? shown.predictions.length - 1 : same);
    slide.max = shown.z.length - 1;
    slide.value = Math.floor(shown.z.length / 2);
    stage.style.aspectRatio = shown.ratio;
    choose();
  };
  pick.replaceChildren(...cases.map((c, i) => new Option(c.case, i)));
  pick.addEventListener("change", open);
  net.addEventListener("change", choose);
  slide.addEventListener("input", place);
  for (const name of ["prediction", "truth"]) {
    part(`show-${name}`).addEventListener("change", event => { part(name).hidden = !event.target.checked; });
  }
  const step = by => { slide.value = Number(slide.value) + by; place(); };
  stage.addEventListener("wheel", event => { event.preventDefault(); step(Math.sign(event.deltaY)); }, { passive: false });
  stage.addEventListener("keydown", event => {
    const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
    if (by) { event.preventDefault(); step(by); }
    if (event.key === "r") part("show-truth").click();
    if (event.key === "p") part("show-prediction").click();
  });
  viewer.hidden = false;
  open();
}

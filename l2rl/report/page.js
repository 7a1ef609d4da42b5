// Draws the figures that the page carries as data, and makes all of it usable by keyboard.
const l2rlPage = (() => {
  // Not Plotly's own buttons: no key reaches them, they lie over the legend, and one of them sends
  // the data to a server. Dragging zooms, with shift it moves, a double click shows all again.
  const CONFIG = {displaylogo: false, responsive: true, displayModeBar: false};
  const PRINTED_WIDTH = 690;  // CSS pixels between the margins of an A4 page.
  let figures = JSON.parse(document.getElementById("figures").textContent);
  const place = name => document.getElementById("figure-" + name);
  const drawn = name => Boolean(place(name)?._fullLayout);

  // Plotly writes into what it is given; `figures` stays as the run says it.
  function draw(name) {
    if (drawn(name) || !place(name)) return;
    const figure = structuredClone(figures[name]);
    Plotly.newPlot(place(name), figure.data, figure.layout, CONFIG);
  }

  const axesOf = (layout, letter) => Object.keys(layout).filter(
    key => key.startsWith(letter + "axis") && layout[key].visible !== false);

  // ---- zoom by buttons and keys: all x axes of a figure alike ----

  function move(name, factor, shift) {
    const change = {};
    for (const axis of axesOf(place(name).layout, "x")) {
      const [from, to] = place(name)._fullLayout[axis].range;
      const middle = (from + to) / 2 + shift * (to - from), half = (to - from) / 2 * factor;
      change[axis + ".range"] = [middle - half, middle + half];
    }
    Plotly.relayout(place(name), change);
  }

  function reset(name) {
    const change = {};
    for (const letter of ["x", "y"])
      for (const axis of axesOf(place(name).layout, letter)) {
        const range = figures[name].layout[axis]?.range;
        if (range) change[axis + ".range"] = [...range];
        else change[axis + ".autorange"] = figures[name].layout[axis]?.autorange ?? true;
      }
    Plotly.relayout(place(name), change);
  }

  const save = (name, format) => Plotly.downloadImage(
    place(name), {format, filename: name, scale: format === "png" ? 2 : 1});

  const TOOLS = [
    ["+", "Zoom in", name => move(name, 0.5, 0)],
    ["\u2212", "Zoom out", name => move(name, 2, 0)],
    ["\u2190", "Move to earlier steps", name => move(name, 1, -0.25)],
    ["\u2192", "Move to later steps", name => move(name, 1, 0.25)],
    ["Reset", "Show all again", reset],
    ["SVG", "Save the figure as SVG", name => save(name, "svg")],
    ["PNG", "Save the figure as PNG", name => save(name, "png")],
  ];

  function equip(name) {
    const tools = place(name).parentElement.querySelector(".figure-tools");
    if (tools.childElementCount) return;
    for (const [text, label, act] of TOOLS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.title = label;
      button.setAttribute("aria-label", label);
      button.onclick = () => { draw(name); act(name); };
      tools.append(button);
    }
    tools.hidden = false;
  }

  // ---- drawing: what is seen first, the rest when there is time ----

  const seen = new IntersectionObserver(entries => {
    for (const entry of entries)
      if (entry.isIntersecting) draw(entry.target.id.replace("figure-", ""));
  }, {rootMargin: "300px"});

  function drawSoon(names) {
    const later = window.requestIdleCallback ?? (act => setTimeout(act, 50));
    const next = names.find(name => !drawn(name) && place(name));
    if (next) later(() => { draw(next); drawSoon(names); });
    else document.documentElement.dataset.drawn = "all";
  }

  function prepare() {
    l2rlTables.prepare(document);
    for (const button of document.querySelectorAll(".copy")) button.onclick = () => copy(button);
    for (const name of Object.keys(figures)) {
      equip(name);
      if (!drawn(name)) seen.observe(place(name));
    }
    drawSoon(Object.keys(figures));
  }

  // ---- the page drawn anew, as the reader left it ----

  // A zoom is an axis that is not as the run said; a hidden curve is known by its name.
  function asLeft(figure, before, element) {
    for (const axis of Object.keys(figure.layout).filter(key => /^[xy]axis/.test(key))) {
      const now = element.layout[axis], was = before?.layout[axis];
      if (!now?.range || !was) continue;
      const moved = was.range ? String(was.range) !== String(now.range) : now.autorange === false;
      if (moved) Object.assign(figure.layout[axis], {range: [...now.range], autorange: false});
    }
    const hidden = element.data.filter(t => t.visible === "legendonly").map(t => t.name);
    for (const trace of figure.data)
      if (hidden.includes(trace.name)) trace.visible = "legendonly";
  }

  const focusable = "button, summary, input, a, [tabindex]";

  function focusPlace() {
    const active = document.activeElement, owner = active?.closest("main [id]");
    return owner && [owner.id, [...owner.querySelectorAll(focusable)].indexOf(active)];
  }

  function update(body, newFigures) {
    const main = document.getElementById("main"), focused = focusPlace();
    const open = new Map([...main.querySelectorAll("details[id]")].map(d => [d.id, d.open]));
    const boxes = [...main.querySelectorAll(".figure-box")].filter(
      box => drawn(box.id.replace("box-", "")));
    const scrolled = window.scrollY;
    main.innerHTML = body;
    for (const details of main.querySelectorAll("details[id]"))
      if (open.has(details.id)) details.open = open.get(details.id);
    // A drawn figure stays the same element, so that hover, focus and size survive.
    for (const box of boxes) document.getElementById(box.id)?.replaceWith(box);
    const before = figures;
    figures = newFigures;
    for (const name of Object.keys(figures).filter(drawn)) {
      const figure = structuredClone(figures[name]);
      asLeft(figure, before[name], place(name));
      // Explicit, since Plotly takes the height of the element when the window changes its size.
      place(name).style.height = figure.layout.height + "px";
      Plotly.react(place(name), figure.data, figure.layout, CONFIG);
    }
    prepare();
    const owner = focused && document.getElementById(focused[0]);
    if (owner) (owner.querySelectorAll(focusable)[focused[1]] ?? owner).focus({preventScroll: true});
    window.scrollTo(0, scrolled);
  }

  // ---- copying and printing ----

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy), words = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = words; }, 2000);
  }

  let opened = [];
  window.addEventListener("beforeprint", () => {
    Object.keys(figures).forEach(draw);
    opened = [...document.querySelectorAll('details:not([open]):not([data-print="no"])')];
    for (const details of opened) details.open = true;
    // What was laid out for this window is shrunk as a whole, so that nothing is cut off.
    for (const drawing of document.querySelectorAll(".figure, table")) {
      drawing.style.setProperty("--print-zoom", Math.min(0.72, PRINTED_WIDTH / drawing.offsetWidth));
      drawing.style.setProperty("--print-width", drawing.offsetWidth + "px");
    }
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });

  prepare();
  return {update};
})();

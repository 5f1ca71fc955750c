/* Draws what the server decided.
 *
 * A refresh is a patch: figures are copied onto the elements that are there, so positions, zoom and selection stay. A
 * layout runs only when the set of nodes changes. Cytoscape paints shapes and lines; names and figures are real text in
 * a layer above it, which stays sharp, can be read aloud and can be reached with the Tab key.
 */
(function () {
  "use strict";

  const SIZE = { width: 158, height: 52 };
  const FAR_ZOOM = 0.45; // below, figures are too small to read and are left out
  const LAYOUTS = {
    dagre: { name: "dagre", rankDir: "LR", nodeSep: 34, rankSep: 128, edgeSep: 24, ranker: "network-simplex" },
    fcose: { name: "fcose", quality: "default", randomize: true, nodeSeparation: 120, idealEdgeLength: 220 },
  };

  const view = { cy: null, layer: null, cards: new Map(), drawing: null };

  /* ---- finding Cytoscape: React mounts it at its own pace ---- */

  function attach() {
    const element = document.getElementById("graph");
    const cy = element && element._cyreg && element._cyreg.cy;
    if (!cy) {
      return null;
    }
    if (view.cy !== cy) {
      view.cy = cy;
      prepare(cy);
    }
    return cy;
  }

  function prepare(cy) {
    const host = document.getElementById("cards");
    host.replaceChildren();
    view.cards.clear();
    view.layer = host.appendChild(document.createElement("div"));
    view.layer.className = "tm-layer";
    cy.on("tap", (event) => {
      const target = event.target;
      if (target === cy || target.data("box")) {
        pick("");
      } else {
        pick(target.id());
      }
    });
    cy.on("pan zoom resize", moveLayer);
    cy.on("position", "node", (event) => {
      event.target.connectedEdges().forEach(bend);
      soon();
    });
    cy.on("mouseover", "node, edge", (event) => {
      cy.container().style.cursor = event.target.data("box") ? "" : "pointer";
    });
    cy.on("mouseout", () => { cy.container().style.cursor = ""; });
    new ResizeObserver(() => { cy.resize(); reveal(); }).observe(cy.container());
    new MutationObserver(paint).observe(document.documentElement, {
      attributes: true, attributeFilter: ["data-mantine-color-scheme"],
    });
    const zoomBy = (factor) => () => cy.zoom({
      level: cy.zoom() * factor,
      renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 },
    });
    document.getElementById("zoom-in").onclick = zoomBy(1.25);
    document.getElementById("zoom-out").onclick = zoomBy(0.8);
    document.getElementById("zoom-fit").onclick = () => fit(cy);
    paint();
  }

  function pick(id) {
    dash_clientside.set_props("picked", { data: { id: id } });
  }

  /* ---- drawing ---- */

  function draw(drawing) {
    if (!drawing) {
      return;
    }
    view.drawing = drawing;
    const cy = attach();
    if (!cy) {
      setTimeout(() => draw(view.drawing), 40);
      return;
    }
    let changed = false;
    cy.batch(() => { changed = patch(cy, drawing); });
    if (changed) {
      arrange(cy, drawing.layout);
    }
    cy.edges().forEach(bend);
    emphasise(cy, drawing);
    document.getElementById("stage").classList.toggle("tm-quiet", drawing.stale);
    cy.container().classList.toggle("tm-stale", drawing.stale);
    document.getElementById("cards").classList.toggle("tm-stale", drawing.stale);
    showCards();
  }

  /* Whether the set of nodes is another one now. */
  function patch(cy, drawing) {
    const wanted = new Map([...drawing.nodes, ...drawing.edges].map((data) => [data.id, data]));
    let changed = false;
    const gone = cy.elements().filter((element) => {
      const data = wanted.get(element.id());
      return !data || (element.isEdge() && !data.source);
    });
    changed = gone.nodes().nonempty();
    gone.remove();
    for (const data of wanted.values()) {
      const present = cy.getElementById(data.id);
      if (present.nonempty()) {
        present.data(data);
      } else {
        cy.add({ group: data.source ? "edges" : "nodes", data: { ...data } });
        changed = changed || !data.source;
      }
    }
    return changed;
  }

  function arrange(cy, name) {
    cy.layout({ ...LAYOUTS[name], nodeDimensionsIncludeLabels: false, animate: false, fit: false }).run();
    fit(cy);
  }

  function fit(cy) {
    cy.fit(undefined, 48);
    if (cy.zoom() > 1.15) {
      cy.zoom(1.15);
      cy.center();
    }
  }

  /* A line leaves to the right and arrives from the left, like a sentence; what goes back is an arc. */
  function bend(edge) {
    const from = edge.source().position();
    const to = edge.target().position();
    const start = { x: from.x + SIZE.width / 2, y: from.y };
    const end = { x: to.x - SIZE.width / 2, y: to.y };
    const dx = end.x - start.x;
    const dy = end.y - start.y;
    if (dx < 30) {
      edge.addClass("back");
      return;
    }
    edge.removeClass("back");
    const length = Math.hypot(dx, dy);
    // Control points level with both ends, as weights along and distances from the straight line between them.
    const along = (x, y) => ((x - start.x) * dx + (y - start.y) * dy) / (length * length);
    const beside = (x, y) => ((x - start.x) * dy - (y - start.y) * dx) / length;
    const first = { x: start.x + dx * 0.35, y: start.y };
    const second = { x: end.x - dx * 0.35, y: end.y };
    edge.scratch("_bend", {
      weights: [along(first.x, first.y), along(second.x, second.y)],
      distances: [-beside(first.x, first.y), -beside(second.x, second.y)],
    });
    const bent = edge.scratch("_bend");
    edge.style({ "control-point-weights": bent.weights, "control-point-distances": bent.distances });
  }

  /* ---- emphasis: selection, search and find presets ---- */

  function emphasise(cy, drawing) {
    const meant = matching(cy, drawing);
    cy.batch(() => {
      cy.elements().removeClass("faded chosen");
      if (meant) {
        cy.elements().difference(meant).filter((element) => !element.data("box")).addClass("faded");
      }
      if (drawing.selected) {
        cy.getElementById(drawing.selected).addClass("chosen");
      }
    });
  }

  /* The elements that stand out, or null when all do. */
  function matching(cy, drawing) {
    let meant = null;
    const narrow = (some) => { meant = meant ? meant.intersection(some) : some; };
    if (drawing.search) {
      const part = drawing.search.toLowerCase();
      const named = cy.elements().filter((element) => !element.data("box") && element.data("name").toLowerCase().includes(part));
      narrow(named.union(named.nodes().connectedEdges()));
    }
    if (drawing.find === "failing") {
      const failing = cy.elements('[health = "failing"]');
      narrow(failing.union(failing.edges().connectedNodes()));
    }
    if (drawing.find === "slow") {
      const slow = cy.elements("[?slow]");
      narrow(slow.union(slow.edges().connectedNodes()));
    }
    const selected = drawing.selected ? cy.getElementById(drawing.selected) : cy.collection();
    if (!meant && selected.nonempty()) {
      meant = selected.isNode() ? selected.closedNeighborhood() : selected.union(selected.connectedNodes());
    }
    return meant;
  }

  /* The panel may cover what was just selected. */
  function reveal() {
    const cy = view.cy;
    const selected = view.drawing && view.drawing.selected ? cy.getElementById(view.drawing.selected) : cy.collection();
    if (selected.nonempty()) {
      const box = selected.renderedBoundingBox();
      if (box.x2 > cy.width() || box.x1 < 0 || box.y2 > cy.height() || box.y1 < 0) {
        cy.panBy({
          x: Math.min(0, cy.width() - box.x2 - 24) || Math.max(0, 24 - box.x1),
          y: Math.min(0, cy.height() - box.y2 - 24) || Math.max(0, 24 - box.y1),
        });
      }
    }
    moveLayer();
  }

  /* ---- the layer of text ---- */

  let pending = false;

  function soon() {
    if (!pending) {
      pending = true;
      requestAnimationFrame(() => { pending = false; showCards(); });
    }
  }

  function moveLayer() {
    const pan = view.cy.pan();
    const zoom = view.cy.zoom();
    view.layer.style.transform = `translate(${pan.x}px, ${pan.y}px) scale(${zoom})`;
    view.layer.classList.toggle("tm-far", zoom < FAR_ZOOM);
  }

  function showCards() {
    const seen = new Set();
    view.cy.nodes().forEach((node) => {
      seen.add(node.id());
      const card = view.cards.get(node.id()) || makeCard(node);
      (node.data("box") ? fillBox : fillCard)(card, node);
    });
    for (const [id, card] of view.cards) {
      if (!seen.has(id)) {
        card.remove();
        view.cards.delete(id);
      }
    }
    moveLayer();
  }

  function makeCard(node) {
    const box = node.data("box");
    const card = document.createElement(box ? "div" : "button");
    if (!box) {
      card.type = "button";
      for (const part of ["top", "figures"]) {
        card.append(piece("div", part));
      }
      card.firstChild.append(piece("span", "icon"), piece("span", "name"), piece("span", "badge"));
      card.lastChild.append(piece("span", "rate"), piece("span", "trouble"));
      card.onclick = () => pick(node.id());
    }
    view.cards.set(node.id(), card);
    return view.layer.appendChild(card);
  }

  function piece(tag, name) {
    const element = document.createElement(tag);
    element.className = `tm-card-${name}`;
    return element;
  }

  function fillBox(card, node) {
    const place = node.boundingBox({ includeLabels: false, includeOverlays: false });
    card.className = "tm-box-name";
    card.textContent = node.data("name");
    card.style.transform = `translate(${place.x1}px, ${place.y1}px)`;
  }

  function fillCard(card, node) {
    const data = node.data();
    const place = node.position();
    card.className = `tm-card tm-card-${data.shape}${node.hasClass("faded") ? " tm-faded" : ""}`;
    card.dataset.id = data.id;
    card.dataset.health = data.health;
    card.setAttribute("aria-label", data.spoken);
    card.setAttribute("aria-pressed", String(node.hasClass("chosen")));
    const [icon, name, badge] = card.firstChild.children;
    const [rate, trouble] = card.lastChild.children;
    write(icon, data.icon, `tm-card-icon tm-${data.health}`);
    write(name, data.name, "tm-card-name");
    write(badge, data.badge, "tm-card-badge");
    write(rate, data.figures, "tm-card-rate");
    write(trouble, data.trouble, `tm-card-trouble tm-${data.health}`);
    card.title = data.name;
    card.style.transform = `translate(${place.x - SIZE.width / 2}px, ${place.y - SIZE.height / 2}px)`;
  }

  function write(element, text, name) {
    if (element.textContent !== text) {
      element.textContent = text;
    }
    element.className = name;
  }

  /* ---- looks: the colours are those of page.css, in light and in dark ---- */

  function paint() {
    const computed = getComputedStyle(document.documentElement);
    const colour = (name) => computed.getPropertyValue(`--tm-${name}`).trim();
    document.body.dataset.agThemeMode = document.documentElement.dataset.mantineColorScheme || "light";
    if (view.cy) {
      view.cy.style(look(colour)).update();
    }
  }

  function cloud(fill, line) {
    const path = "M36 50 H122 C138 50 148 41 146 30 C145 20 135 14 125 16 C120 5 106 0 94 5 C84 -2 66 0 60 9 C46 4 31 11 31 22 C18 22 10 29 12 38 C13 46 23 50 36 50 Z";
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="316" height="104" viewBox="0 0 158 52"><path d="${path}" transform="translate(1 1) scale(0.985 0.97)" fill="${fill}" stroke="${line}" stroke-width="1.5"/></svg>`;
    return `data:image/svg+xml,${encodeURIComponent(svg)}`;
  }

  function look(colour) {
    const verdicts = ["healthy", "degraded", "failing", "idle", "unknown"];
    return [
      { selector: "core", style: { "active-bg-opacity": 0, "selection-box-opacity": 0 } },
      { selector: "node", style: {
        width: SIZE.width, height: SIZE.height, shape: "round-rectangle",
        "background-color": colour("surface"), "border-width": 1.5, "overlay-opacity": 0,
      } },
      { selector: 'node[shape = "service"]', style: { shape: "hexagon" } },
      { selector: 'node[shape = "external"]', style: { shape: "cut-rectangle" } },
      { selector: 'node[shape = "namespace"]', style: { "border-width": 3, "border-style": "double" } },
      { selector: "node[?box]", style: {
        shape: "round-rectangle", "background-color": colour("box"), "background-opacity": 1,
        "border-color": colour("line"), "border-width": 1, padding: "34px", events: "no",
      } },
      { selector: "edge", style: {
        "curve-style": "unbundled-bezier", "edge-distances": "endpoints",
        "source-endpoint": "90deg", "target-endpoint": "270deg",
        width: "data(width)", "target-arrow-shape": "triangle", "arrow-scale": 0.9,
        label: "data(label)", "text-wrap": "wrap", "font-size": 10.5, "font-family": "system-ui, sans-serif",
        "text-background-color": colour("page"), "text-background-opacity": 0.92, "text-background-padding": 2,
        "text-background-shape": "round-rectangle", "min-zoomed-font-size": 5, color: colour("muted"),
        "overlay-opacity": 0, "line-cap": "round",
      } },
      { selector: "edge.back", style: {
        "curve-style": "bezier", "source-endpoint": "outside-to-node", "target-endpoint": "outside-to-node",
      } },
      ...verdicts.flatMap((verdict) => [
        { selector: `node[health = "${verdict}"]`, style: { "border-color": colour(verdict) } },
        { selector: `edge[health = "${verdict}"]`, style: {
          "line-color": colour(verdict), "target-arrow-color": colour(verdict),
        } },
      ]),
      { selector: 'node[health = "healthy"]', style: { "border-color": colour("line") } },
      { selector: 'node[health = "degraded"]', style: { "border-style": "dashed", "border-width": 2 } },
      { selector: 'node[health = "failing"]', style: { "border-style": "double", "border-width": 5 } },
      { selector: 'node[health = "idle"]', style: { "border-style": "dotted" } },
      { selector: 'edge[health = "healthy"]', style: { "line-opacity": 0.75 } },
      { selector: 'edge[health = "degraded"]', style: { "line-style": "dashed", color: colour("degraded") } },
      { selector: 'edge[health = "failing"]', style: {
        color: colour("failing"), "font-weight": 600,
        "underlay-color": colour("failing"), "underlay-opacity": 0.22, "underlay-padding": 4,
      } },
      { selector: 'edge[health = "idle"]', style: { "line-style": "dotted" } },
      { selector: 'node[shape = "outside"]', style: {
        "background-opacity": 0, "border-width": 0, "background-image": cloud(colour("surface"), colour("idle")),
        "background-fit": "contain", "background-image-containment": "over",
      } },
      { selector: ".faded", style: { opacity: 0.14 } },
      { selector: "node.chosen", style: {
        "underlay-color": colour("select"), "underlay-opacity": 0.35, "underlay-padding": 6,
      } },
      { selector: "edge.chosen", style: {
        "underlay-color": colour("select"), "underlay-opacity": 0.35, "underlay-padding": 6,
      } },
    ];
  }

  /* ---- how old the data is, counted on while nothing is refreshed ---- */

  setInterval(() => {
    for (const element of document.querySelectorAll("#freshness time")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(element.dateTime)) / 1000));
      const age = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
      const text = `data ${age} old`;
      if (element.textContent !== text) {
        element.textContent = text;
      }
    }
  }, 1000);

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.traffic = {
    draw: draw,
    /* A click on a row of a table leads to what the row is about. */
    follow: (cell) => (cell && cell.rowId ? { id: cell.rowId } : window.dash_clientside.no_update),
  };
})();

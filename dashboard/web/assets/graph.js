/* Draws the elements that the server computed.
 *
 * A refresh copies new figures onto the present elements, so positions, zoom and selection stay. The layout runs only
 * if the set of nodes changes.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const LAYOUTS = {
    dagre: {
      name: "dagre", rankDir: "LR", nodeSep: 40, rankSep: 110, edgeSep: 30, ranker: "network-simplex",
      // Place a callee next to its caller; a callee of many callers is less tied to each.
      edgeWeight: (edge) => 1 + Math.round(8 / edge.target().indegree()),
    },
    fcose: { name: "fcose", quality: "default", randomize: true, nodeSeparation: 120, idealEdgeLength: 220 },
  };
  const MARGIN = 24; // pixels around a graph that fills the stage
  const MOST_ZOOM_OF_FIT = 1.15; // so that a graph of two nodes does not fill the screen

  let cy = null;
  let drawing = null;

  /* Whether Cytoscape is mounted. React mounts it some time after this script runs, and may mount it again. */
  function attach() {
    const element = document.getElementById("graph");
    const mounted = element && element._cyreg && element._cyreg.cy;
    if (mounted && mounted !== cy) {
      cy = mounted;
      prepare();
    }
    return Boolean(mounted);
  }

  function prepare() {
    parts.cards.attach(document.getElementById("cards"), pick, () => cy.container().querySelector("canvas"));
    cy.on("tap", (event) => pick(event.target === cy ? "" : event.target.id()));
    cy.on("pan zoom resize", () => parts.cards.move(cy));
    cy.on("position", "node", soon);
    cy.on("mouseover", "node, edge", () => { cy.container().style.cursor = "pointer"; });
    cy.on("mouseout", () => { cy.container().style.cursor = ""; });
    new ResizeObserver(() => { cy.resize(); reveal(); }).observe(cy.container());
    new MutationObserver(paint).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-mantine-color-scheme"],
    });
    document.getElementById("zoom-in").onclick = () => zoomBy(1.25);
    document.getElementById("zoom-out").onclick = () => zoomBy(0.8);
    document.getElementById("zoom-fit").onclick = fit;
    paint();
  }

  function paint() {
    document.body.dataset.agThemeMode = document.documentElement.dataset.mantineColorScheme || "light";
    cy.style(parts.look()).update();
    parts.routes.draw(cy);
  }

  function pick(id) {
    window.dash_clientside.set_props("picked", { data: { id } });
  }

  function draw(latest) {
    if (!latest) {
      return;
    }
    drawing = latest;
    if (!attach()) {
      setTimeout(() => draw(drawing), 40);
      return;
    }
    let changed = null;
    cy.batch(() => { changed = patch(); });
    if (changed.nodes) {
      arrange();
    }
    if (changed.nodes || changed.edges) {
      parts.routes.choose(cy);
    }
    cy.batch(emphasise);
    document.getElementById("stage").dataset.stale = String(drawing.stale);
    parts.cards.show(cy);
    parts.showAge();
  }

  function arrange() {
    cy.layout({ ...LAYOUTS[drawing.layout], animate: false, fit: false }).run();
    if (drawing.layout === "dagre") {
      parts.columns.tighten(cy);
      parts.park(cy);
    }
    fit();
  }

  /* Apply the drawing; return whether the set of nodes and the set of edges changed. */
  function patch() {
    const wanted = new Map([...drawing.nodes, ...drawing.edges].map((data) => [data.id, data]));
    const gone = cy.elements().filter((element) => !wanted.has(element.id()));
    const changed = { nodes: gone.nodes().nonempty(), edges: gone.edges().nonempty() };
    gone.remove();
    for (const data of wanted.values()) {
      const present = cy.getElementById(data.id);
      if (present.nonempty()) {
        present.data(data);
      } else {
        const group = data.source ? "edges" : "nodes";
        cy.add({ group, data: { ...data } });
        changed[group] = true;
      }
    }
    return changed;
  }

  /* ---- emphasis: selection, search and find presets ---- */

  function emphasise() {
    const meant = standingOut();
    cy.elements().removeClass("faded chosen");
    if (meant) {
      cy.elements("[!box]").difference(meant).addClass("faded");
    }
    if (drawing.selected) {
      cy.getElementById(drawing.selected).addClass("chosen");
    }
  }

  /* The elements that are not faded, or null for all. */
  function standingOut() {
    const filters = [];
    if (drawing.search) {
      const part = drawing.search.toLowerCase();
      const named = cy.elements("[!box]").filter((element) => element.data("name").toLowerCase().includes(part));
      filters.push(named.union(named.nodes().connectedEdges()));
    }
    if (drawing.find !== "all") {
      const found = cy.elements(drawing.find === "slow" ? "[?slow]" : '[health = "failing"]');
      filters.push(found.union(found.edges().connectedNodes()));
    }
    const selected = cy.getElementById(drawing.selected);
    if (!filters.length && selected.nonempty()) {
      filters.push(selected.isNode() ? selected.closedNeighborhood() : selected.union(selected.connectedNodes()));
    }
    return filters.length ? filters.reduce((one, other) => one.intersection(other)) : null;
  }

  /* ---- the part of the graph that is in view ---- */

  function fit() {
    cy.fit(undefined, MARGIN);
    if (cy.zoom() > MOST_ZOOM_OF_FIT) {
      cy.zoom(MOST_ZOOM_OF_FIT);
      cy.center();
    }
  }

  function zoomBy(factor) {
    cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  }

  /* Move the selected element into view; the side panel may cover it. */
  function reveal() {
    const selected = cy.getElementById(drawing ? drawing.selected : "");
    if (selected.nonempty()) {
      const around = selected.closedNeighborhood().renderedBoundingBox();
      const fits = around.w < cy.width() - 2 * MARGIN && around.h < cy.height() - 2 * MARGIN;
      const box = fits ? around : selected.renderedBoundingBox();
      const shift = (low, high, size) => Math.max(MARGIN - low, 0) + Math.min(size - MARGIN - high, 0);
      cy.panBy({ x: shift(box.x1, box.x2, cy.width()), y: shift(box.y1, box.y2, cy.height()) });
    }
    parts.cards.move(cy);
  }

  let pending = false;

  /* A drag moves nodes many times per frame; lines and labels are updated once. */
  function soon() {
    if (!pending) {
      pending = true;
      requestAnimationFrame(() => {
        pending = false;
        parts.routes.choose(cy);
        parts.cards.show(cy);
      });
    }
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.traffic = {
    draw,
    /* A click on a row of a table selects its node or edge. */
    follow: (cell) => (cell && cell.rowId ? { id: cell.rowId } : window.dash_clientside.no_update),
  };
})();

/* The style of nodes and edges, with the colours of page.css for light and dark. */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const CLOUD = "M36 62 H120 C138 62 148 51 146 39 C145 28 135 21 125 22 C120 9 106 2 93 8 C84 0 65 2 59 13 "
    + "C45 7 31 15 31 28 C17 28 9 36 11 46 C13 56 23 62 36 62 Z";

  function cloud(fill, line) {
    const shape = `<path d="${CLOUD}" fill="${fill}" stroke="${line}" stroke-width="1.5"/>`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="316" height="132" viewBox="0 0 158 66">${shape}</svg>`;
    return `data:image/svg+xml,${encodeURIComponent(svg)}`;
  }

  /* Wide enough for most names; longer names of pods are cut. */
  function wideEnough(node) {
    return Math.min(Math.max(150, 41 + 8.6 * node.data("name").length), 260);
  }

  function look() {
    const computed = getComputedStyle(document.documentElement);
    const colour = (name) => computed.getPropertyValue(`--tm-${name}`).trim();
    const chosen = { "underlay-color": colour("select"), "underlay-opacity": 0.32, "underlay-padding": 6 };
    return [
      { selector: "core", style: { "active-bg-opacity": 0, "selection-box-opacity": 0 } },
      { selector: "node", style: {
        width: wideEnough, height: 70, shape: "round-rectangle", "overlay-opacity": 0,
        "background-color": colour("surface"), "border-width": 1.5, "border-color": colour("edge"),
      } },
      { selector: 'node[shape = "service"]', style: {
        shape: "polygon", "shape-polygon-points": "-1 0 -0.84 -1 0.84 -1 1 0 0.84 1 -0.84 1", width: 164,
      } },
      { selector: 'node[shape = "external"]', style: { shape: "cut-rectangle" } },
      { selector: 'node[shape = "namespace"]', style: { width: 232, "border-width": 3, "border-style": "double" } },
      { selector: "node[?box]", style: {
        shape: "round-rectangle", "background-color": colour("box"), "background-opacity": 1,
        "border-color": colour("line"), "border-width": 1, padding: "30px", events: "no",
      } },
      { selector: "edge", style: {
        "curve-style": "unbundled-bezier", "edge-distances": "endpoints",
        "source-endpoint": "90deg", "target-endpoint": "270deg",
        width: "data(width)", "target-arrow-shape": "triangle", "arrow-scale": 0.9,
        "line-opacity": 0.8, "overlay-opacity": 0,
      } },
      { selector: "edge.back", style: {
        "curve-style": "bezier", "edge-distances": "intersection",
        "source-endpoint": "outside-to-node", "target-endpoint": "outside-to-node",
      } },
      ...["healthy", "degraded", "failing", "idle", "unknown"].map((health) => ({
        selector: `edge[health = "${health}"]`,
        style: { "line-color": colour(health), "target-arrow-color": colour(health) },
      })),
      { selector: 'node[health = "degraded"]', style: {
        "border-color": colour("degraded"), "border-style": "dashed", "border-width": 2,
      } },
      { selector: 'node[health = "failing"]', style: {
        "border-color": colour("failing"), "border-style": "double", "border-width": 5,
      } },
      { selector: 'node[health = "idle"]', style: { "border-color": colour("idle"), "border-style": "dotted" } },
      { selector: 'edge[health = "degraded"]', style: { "line-style": "dashed" } },
      { selector: 'edge[health = "idle"]', style: { "line-style": "dotted" } },
      { selector: 'edge[health = "failing"]', style: {
        "line-opacity": 1, "underlay-color": colour("failing"), "underlay-opacity": 0.2, "underlay-padding": 4,
      } },
      { selector: 'node[shape = "outside"]', style: {
        width: 148, height: 70, "background-opacity": 0, "border-width": 0,
        "background-image": cloud(colour("surface"), colour("idle")), "background-fit": "contain",
      } },
      { selector: ".faded", style: { opacity: 0.14 } },
      { selector: "node.chosen, edge.chosen", style: chosen },
    ];
  }

  parts.look = look;
})();

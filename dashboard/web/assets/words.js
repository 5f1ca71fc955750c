/* The place of an edge's label on its line.
 *
 * It is near the end with fewer lines, unless a card, an arrowhead or another label is there. Short lines are done
 * first, because they have the fewest places.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const LETTER = 7.4; // pixels, width of a character
  const ROW = 16; // pixels, height of a line of text
  const PADDING = 8; // pixels, of both sides
  const ARROW = { width: 14, height: 8 }; // pixels

  /* A place for the label of every edge, by the edge's id. */
  function places(cy) {
    const found = new Map();
    const routed = cy.edges().map((edge) => ({ edge, ...parts.routes.of(edge) }));
    const arrows = routed.map(({ course: { end } }) => ({ x: end.x - ARROW.width / 2, y: end.y, ...ARROW }));
    const taken = cy.nodes("[!box]").map((node) => (
      { ...node.position(), width: node.width(), height: node.height() }
    ));
    for (const { edge, points } of routed.sort((one, other) => one.length - other.length)) {
      const size = sizeOf(edge.data());
      const along = outward(points, wish(edge));
      const isFree = (point) => !taken.some((other) => covers(other, point, size));
      const place = along.find((point) => isFree(point) && !arrows.some((arrow) => covers(arrow, point, size)))
        || along.find(isFree) || along[0];
      taken.push({ ...place, ...size });
      found.set(edge.id(), place);
    }
    return found;
  }

  function sizeOf({ figures, latency, icon, trouble }) {
    const rows = [figures, latency, `${icon}${trouble}`].filter(Boolean);
    return { width: Math.max(...rows.map((row) => row.length)) * LETTER + PADDING, height: rows.length * ROW };
  }

  /* The preferred place: a share of the way from caller to callee. */
  function wish(edge) {
    const shared = edge.source().outgoers("edge").length !== edge.target().incomers("edge").length;
    if (!shared) {
      return 0.5;
    }
    return parts.lines.aloneEnd(edge).same(edge.target()) ? 0.7 : 0.3;
  }

  /* The points of a line, sorted by their distance from a share of its length. */
  function outward(points, share) {
    const start = points[0];
    let way = 0;
    const walked = points.map((point, place) => {
      const before = points[place - 1] || start;
      way += Math.hypot(point.x - before.x, point.y - before.y);
      return { point, way };
    });
    return walked
      .sort((one, other) => Math.abs(one.way - way * share) - Math.abs(other.way - way * share))
      .map(({ point }) => point);
  }

  function covers(other, point, size) {
    return Math.abs(other.x - point.x) < (other.width + size.width) / 2
      && Math.abs(other.y - point.y) < (other.height + size.height) / 2;
  }

  parts.words = { places };
})();

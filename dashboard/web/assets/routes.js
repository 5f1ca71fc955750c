/* Choose the course of every edge: the plain one, unless a card is in its way.
 *
 * A line behind a card seems to end there. So a line that would cross a card makes a detour at the height that crosses
 * the fewest cards and, of those, makes the shortest line. Of similar heights it takes the one closer to the end with
 * fewer lines: then lines with the same start separate early, and lines with the same end join late.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const ROOM = 8; // pixels between a line and a card beside it
  const DETOUR = 18; // pixels between a detour and the card it avoids
  const ALIKE = 0.5; // cost of a pixel of height difference to the end with fewer lines; a pixel of length costs 1

  let courses = new Map(); // by the id of the edge

  /* Choose again, after cards moved or edges were added. */
  function choose(cy) {
    const cards = cy.nodes("[!box]").map((node) => ({
      id: node.id(), ...node.position(), width: node.width(), height: node.height(),
    }));
    courses = new Map(cy.edges().map((edge) => [edge.id(), best(edge, cards)]));
    draw(cy);
  }

  function draw(cy) {
    cy.edges().forEach((edge) => parts.lines.draw(edge, courses.get(edge.id()).course));
  }

  function best(edge, cards) {
    const foreign = cards.filter((card) => card.id !== edge.source().id() && card.id !== edge.target().id());
    const plain = rated(parts.lines.plain(edge), foreign);
    const isBack = !plain.course.controls.length;
    // Two straight lines between the same cards would overlap.
    if (!plain.crossed && !(isBack && edge.target().edgesTo(edge.source()).nonempty())) {
      return plain;
    }
    const wished = parts.lines.aloneEnd(edge).position("y");
    const detours = heights(edge, isBack ? cards : foreign).filter((height) => !isBack || clears(edge, height));
    return detours.map((height) => {
      const detour = rated(parts.lines.detour(edge, height), foreign);
      return { ...detour, cost: detour.length + ALIKE * Math.abs(height - wished) };
    }).reduce((one, other) => (
      other.crossed < one.crossed || (other.crossed === one.crossed && other.cost < one.cost) ? other : one
    ));
  }

  function rated(course, foreign) {
    const points = parts.lines.points(course);
    return {
      course,
      points,
      length: parts.lines.length(points),
      crossed: foreign.filter((card) => points.some((point) => isNear(card, point))).length,
    };
  }

  /* The heights to try: that of each end, and just above and below each card between them. */
  function heights(edge, cards) {
    const [from, to] = [edge.source().position(), edge.target().position()];
    const low = Math.min(from.x, to.x);
    const high = Math.max(from.x, to.x);
    const passed = cards.filter((card) => card.x + card.width / 2 > low && card.x - card.width / 2 < high);
    const beside = passed.flatMap(({ y, height }) => [y - height / 2 - DETOUR, y + height / 2 + DETOUR]);
    return [from.y, to.y, ...beside];
  }

  /* Whether a line at this height passes above or below both cards of its edge. */
  function clears(edge, height) {
    return edge.connectedNodes().every((node) => Math.abs(node.position("y") - height) > node.height() / 2 + ROOM);
  }

  function isNear(card, point) {
    return Math.abs(card.x - point.x) < card.width / 2 + ROOM && Math.abs(card.y - point.y) < card.height / 2 + ROOM;
  }

  parts.routes = { choose, draw, of: (edge) => courses.get(edge.id()) };
})();

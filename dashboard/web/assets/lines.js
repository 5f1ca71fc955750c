/* The course of an edge: the path of its line between the cards.
 *
 * A line starts at the right side of a card and ends at the left side of another. It is a chain of quadratic Bézier
 * curves, one for each control point, which meet halfway between two control points, as Cytoscape's `unbundled-bezier`.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const LEAD = 0.35; // share of the distance, from an end to its control point
  const TURN = 32; // pixels from a card to the vertical part of a detour
  const SOFT = 64; // pixels of a rounded corner of a detour
  const LEAST_WAY = 30; // pixels between two cards; below, the line is straight
  const STEPS = 12; // points computed for each curve, enough to find the cards it crosses

  const between = (one, other, share) => ({
    x: one.x + (other.x - one.x) * share,
    y: one.y + (other.y - one.y) * share,
  });

  function ends(edge) {
    const from = edge.source();
    const to = edge.target();
    return {
      start: { x: from.position("x") + from.width() / 2, y: from.position("y") },
      end: { x: to.position("x") - to.width() / 2, y: to.position("y") },
    };
  }

  /* The usual course. An edge to the left has no control points: its line is straight. */
  function plain(edge) {
    const { start, end } = ends(edge);
    const way = end.x - start.x;
    if (way < LEAST_WAY) {
      return { start: edge.source().position(), end: edge.target().position(), controls: [] };
    }
    return { start, end, controls: [{ x: start.x + way * LEAD, y: start.y }, { x: end.x - way * LEAD, y: end.y }] };
  }

  /* A detour: it turns close to the first card, runs at height y, and turns close to the other card. */
  function detour(edge, y) {
    const { start, end } = ends(edge);
    const [leave, arrive] = [start.x + TURN, end.x - TURN];
    const ahead = Math.sign(arrive - leave) * TURN;
    const controls = [
      ...upright(leave, start.y, y), { x: leave + ahead, y },
      { x: arrive - ahead, y }, ...upright(arrive, y, end.y),
    ];
    return { start, end, controls };
  }

  /* The control points of a vertical part with two rounded corners. */
  function upright(x, from, to) {
    const soft = Math.sign(to - from) * Math.min(SOFT, Math.abs(to - from) / 2);
    return [from, from + soft, to - soft, to].map((y) => ({ x, y }));
  }

  /* Points along a course, close to each other. */
  function points({ start, end, controls }) {
    const found = [start];
    let from = start;
    controls.forEach((control, place) => {
      const to = place === controls.length - 1 ? end : between(control, controls[place + 1], 0.5);
      for (let step = 1; step <= STEPS; step += 1) {
        const share = step / STEPS;
        found.push(between(between(from, control, share), between(control, to, share), share));
      }
      from = to;
    });
    return controls.length ? found : Array.from({ length: STEPS + 1 }, (_, step) => between(start, end, step / STEPS));
  }

  /* The end of an edge with fewer lines; the callee if both have the same number. */
  function aloneEnd(edge) {
    const leaving = edge.source().outgoers("edge").length;
    const arriving = edge.target().incomers("edge").length;
    return arriving > leaving ? edge.source() : edge.target();
  }

  function length(along) {
    return along.slice(1).reduce(
      (sum, point, place) => sum + Math.hypot(point.x - along[place].x, point.y - along[place].y), 0,
    );
  }

  /* Cytoscape needs control points as weights along the straight line between the ends and distances from it. */
  function draw(edge, { start, end, controls }) {
    edge.toggleClass("back", !controls.length);
    if (!controls.length) {
      edge.removeStyle("control-point-weights control-point-distances");
      return;
    }
    const dx = end.x - start.x;
    const dy = end.y - start.y;
    const way = Math.hypot(dx, dy) || 1;
    edge.style({
      "control-point-weights": controls.map(({ x, y }) => ((x - start.x) * dx + (y - start.y) * dy) / way ** 2),
      "control-point-distances": controls.map(({ x, y }) => ((y - start.y) * dx - (x - start.x) * dy) / way),
    });
  }

  parts.lines = { plain, detour, points, aloneEnd, length, draw };
})();

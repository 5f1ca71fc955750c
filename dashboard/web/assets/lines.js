/* The course of an edge, and the place of its words on it.
 *
 * A line leaves to the right and arrives from the left, like a sentence. Its words stand where it is most alone: near
 * the end that shares fewer lines, unless a card or other words are there already.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const LEAD = 0.35; // of the way, how far a line stays level with its ends
  const WORDS = { width: 84, height: 28 }; // pixels, of most words
  const LEAST_WAY = 30; // pixels between two cards, below which a line goes around instead

  const between = (one, other, share) => ({
    x: one.x + (other.x - one.x) * share,
    y: one.y + (other.y - one.y) * share,
  });

  /* The four points that define the line, or null for one that goes back. */
  function course(edge) {
    const from = edge.source();
    const to = edge.target();
    const start = { x: from.position("x") + from.width() / 2, y: from.position("y") };
    const end = { x: to.position("x") - to.width() / 2, y: to.position("y") };
    const way = end.x - start.x;
    if (way < LEAST_WAY) {
      return null;
    }
    return {
      start,
      end,
      first: { x: start.x + way * LEAD, y: start.y },
      second: { x: end.x - way * LEAD, y: end.y },
    };
  }

  /* Cytoscape wants control points as weights along, and distances from, the straight line between the ends. */
  function bend(edge) {
    const line = course(edge);
    edge.toggleClass("back", !line);
    if (!line) {
      edge.removeStyle("control-point-weights control-point-distances");
      return;
    }
    const dx = line.end.x - line.start.x;
    const dy = line.end.y - line.start.y;
    const length = Math.hypot(dx, dy);
    const along = (point) => ((point.x - line.start.x) * dx + (point.y - line.start.y) * dy) / length ** 2;
    const beside = (point) => ((point.y - line.start.y) * dx - (point.x - line.start.x) * dy) / length;
    edge.style({
      "control-point-weights": [along(line.first), along(line.second)],
      "control-point-distances": [beside(line.first), beside(line.second)],
    });
  }

  /* A place for the words of every edge, by the edge's id. */
  function wordsPlaces(cy) {
    const taken = cy.nodes("[!box]").map((node) => ({ ...node.position(), width: node.width(), height: node.height() }));
    const places = new Map();
    cy.edges().forEach((edge) => {
      const wished = wordsWish(edge);
      const place = [wished, ...points(edge)].find((point) => !taken.some((other) => covers(other, point))) || wished;
      taken.push({ ...place, ...WORDS });
      places.set(edge.id(), place);
    });
    return places;
  }

  function covers(other, point) {
    return Math.abs(other.x - point.x) < (other.width + WORDS.width) / 2
      && Math.abs(other.y - point.y) < (other.height + WORDS.height) / 2;
  }

  function wordsWish(edge) {
    const line = course(edge);
    if (!line) {
      return edge.midpoint();
    }
    const middle = between(line.first, line.second, 0.5);
    const leaving = edge.source().outgoers("edge").length;
    const arriving = edge.target().incomers("edge").length;
    if (leaving > arriving) {
      return onCurve(middle, line.second, line.end, 0.42);
    }
    return arriving > leaving ? onCurve(line.start, line.first, middle, 0.58) : middle;
  }

  /* A point of a quadratic Bézier curve: a line is two of them. */
  function onCurve(from, control, to, share) {
    return between(between(from, control, share), between(control, to, share), share);
  }

  /* Enough points of a line to see what it passes. */
  function points(edge) {
    const line = course(edge) || { start: edge.sourceEndpoint(), end: edge.targetEndpoint() };
    const first = line.first || line.start;
    const second = line.second || line.end;
    const middle = between(first, second, 0.5);
    return [1, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1].flatMap((share) => [
      onCurve(line.start, first, middle, share),
      onCurve(middle, second, line.end, 1 - share),
    ]);
  }

  parts.lines = { bend, points, wordsPlaces };
})();

/* Place the nodes without edges.
 *
 * A layered layout may put them where lines of other nodes pass. Here they get a free place in the box of their
 * namespace, without cards and lines; bottom left first.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const STEP = 20; // pixels between two tried places
  const CLEARANCE = 24; // pixels

  function park(cy) {
    const lonely = cy.nodes("[!box]").filter((node) => node.degree() === 0 && node.isChild());
    const settled = cy.nodes("[!box]").difference(lonely).toArray();
    const lines = cy.edges().toArray().flatMap((edge) => parts.lines.points(parts.lines.plain(edge)));
    lonely.forEach((node) => {
      const companions = node.siblings().intersection(cy.collection(settled));
      if (companions.nonempty()) {
        const free = places(companions.boundingBox(), node).find((place) => isFree(place, node, settled, lines));
        if (free) {
          node.position(free);
        }
      }
      settled.push(node);
    });
  }

  function places(box, node) {
    const found = [];
    for (let y = box.y2 - node.height() / 2; y >= box.y1 + node.height() / 2; y -= STEP) {
      for (let x = box.x1 + node.width() / 2; x <= box.x2 - node.width() / 2; x += STEP) {
        found.push({ x, y });
      }
    }
    return found;
  }

  function isFree(place, node, settled, lines) {
    const isNear = (point, width, height) =>
      Math.abs(point.x - place.x) < width + CLEARANCE && Math.abs(point.y - place.y) < height + CLEARANCE;
    return !settled.some((other) => isNear(
      other.position(), (other.width() + node.width()) / 2, (other.height() + node.height()) / 2,
    )) && !lines.some((point) => isNear(point, node.width() / 2, node.height() / 2));
  }

  parts.park = park;
})();

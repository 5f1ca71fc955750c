/* Reduce the space between the columns of a layered layout.
 *
 * The layout adds space between two columns if a box begins or ends there. The labels of edges need the same small
 * space everywhere, and a narrower graph is shown larger.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const GAP = 80; // pixels between two columns, for the labels of edges

  function tighten(cy) {
    const columns = new Map();
    cy.nodes("[!box]").forEach((node) => {
      const x = Math.round(node.position("x"));
      columns.set(x, [...(columns.get(x) || []), node]);
    });
    let left = 0;
    for (const [, nodes] of [...columns].sort(([one], [other]) => one - other)) {
      const width = Math.max(...nodes.map((node) => node.width()));
      nodes.forEach((node) => node.position("x", left + width / 2));
      left += width + GAP;
    }
  }

  parts.columns = { tighten };
})();

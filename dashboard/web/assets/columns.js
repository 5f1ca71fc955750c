/* The columns of a layered layout, moved together.
 *
 * The layout widens the space between two columns wherever a box begins or ends between them. Words on a line need the
 * same little space everywhere, and what is saved makes everything larger.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const GAP = 80; // pixels between two columns, for the words on the lines

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

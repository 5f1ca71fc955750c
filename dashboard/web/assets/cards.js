/* The text of the graph: HTML elements in a layer above the canvas.
 *
 * They stay sharp at every zoom, no line crosses them, and screen readers and the Tab key reach them.
 */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});
  const FAR_ZOOM = 0.45; // figures are hidden below this zoom, because they are too small to read

  let layer = null;
  let pick = () => {};
  const texts = new Map(); // HTML elements by the id of their graph element

  function attach(host, onPick, forwardWheelTo) {
    pick = onPick;
    texts.clear();
    layer = document.createElement("div");
    layer.className = "tm-layer";
    host.replaceChildren(layer);
    layer.addEventListener("wheel", (event) => {
      event.preventDefault();
      forwardWheelTo().dispatchEvent(new WheelEvent("wheel", event));
    }, { passive: false });
  }

  function move(cy) {
    const pan = cy.pan();
    layer.style.transform = `translate(${pan.x}px, ${pan.y}px) scale(${cy.zoom()})`;
    layer.classList.toggle("tm-far", cy.zoom() < FAR_ZOOM);
  }

  function show(cy) {
    const gone = new Set(texts.keys());
    const places = parts.words.places(cy);
    cy.elements().forEach((element) => {
      gone.delete(element.id());
      if (element.data("box")) {
        showBox(element);
      } else if (element.isNode()) {
        showCard(element);
      } else {
        showTag(element, places.get(element.id()));
      }
    });
    for (const id of gone) {
      texts.get(id).remove();
      texts.delete(id);
    }
    move(cy);
  }

  function showBox(box) {
    const title = textOf(box, "div", []);
    const place = box.boundingBox({ includeLabels: false, includeOverlays: false });
    title.className = "tm-box-name";
    title.textContent = box.data("name");
    title.style.transform = `translate(${place.x1}px, ${place.y1}px)`;
  }

  function showCard(node) {
    const data = node.data();
    const card = textOf(node, "button", ["badge", "icon", "name", "figures", "trouble"]);
    card.className = `tm-card tm-card-${data.shape}`;
    card.style.width = `${node.width()}px`;
    card.style.height = `${node.height()}px`;
    fill(card, node, data.name);
    place(card, node.position());
  }

  function showTag(edge, at) {
    const tag = textOf(edge, "button", ["figures", "latency", "icon", "trouble"]);
    tag.className = "tm-tag";
    fill(tag, edge, edge.data("spoken"));
    place(tag, at);
  }

  function fill(text, element, title) {
    const data = element.data();
    for (const piece of text.children) {
      const words = data[piece.dataset.piece] || "";
      if (piece.textContent !== words) {
        piece.textContent = words;
      }
    }
    text.classList.add(`tm-is-${data.health}`);
    text.classList.toggle("tm-faded", element.hasClass("faded"));
    text.dataset.id = data.id;
    text.dataset.health = data.health;
    text.title = title;
    text.setAttribute("aria-label", data.spoken);
    text.setAttribute("aria-pressed", String(element.hasClass("chosen")));
  }

  function place(text, at) {
    text.style.transform = `translate(${at.x}px, ${at.y}px) translate(-50%, -50%)`;
  }

  function textOf(element, tag, pieces) {
    const known = texts.get(element.id());
    if (known) {
      return known;
    }
    const text = layer.appendChild(document.createElement(tag));
    for (const name of pieces) {
      const piece = text.appendChild(document.createElement("span"));
      piece.className = `tm-${name}`;
      piece.dataset.piece = name;
    }
    if (tag === "button") {
      const id = element.id();
      text.type = "button";
      text.onclick = () => pick(id);
    }
    texts.set(element.id(), text);
    return text;
  }

  parts.cards = { attach, move, show };
})();

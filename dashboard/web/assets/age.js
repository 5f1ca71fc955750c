/* The age of the data, updated each second between two refreshes. */
(function () {
  "use strict";

  const parts = (window.traffic = window.traffic || {});

  function showAge() {
    for (const time of document.querySelectorAll("#freshness time")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000));
      const words = `data ${seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} old`;
      if (time.textContent !== words) {
        time.textContent = words;
      }
    }
  }

  setInterval(showAge, 1000);
  parts.showAge = showAge;
})();

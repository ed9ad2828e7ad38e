// A page with the `driftdb` package, unmodified; the test speaks to it through `window`.
import * as driftdb from "driftdb";

window.driftdb = driftdb;
window.join = async (url, binary) => {
  window.db = new driftdb.DbConnection();
  window.messages = [];
  db.messageListener.addListener((message) => messages.push(message));
  await db.connect(url, binary);
};
window.hear = async (key) => {
  window.heard = [];
  db.subscribe(key, (entry) => heard.push(entry));
  await db.testLatency(); // now the server knows
};
// Nobody holds the promises of the package's own attempts to reconnect: they fail while there is
// no server.
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof Event) event.preventDefault();
});

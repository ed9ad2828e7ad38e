// A page with the `driftdb` package, unmodified; the test speaks to it through `window`.
import * as driftdb from "driftdb";

window.driftdb = driftdb;
window.pushes = (db, key) => {
  const heard = [];
  db.subscribe(key, (entry) => heard.push(entry));
  return heard;
};

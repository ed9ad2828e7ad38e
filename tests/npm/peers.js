// Two pages that find each other in a room, and then speak without it.
import { room } from "driftdb-jupyter";
import { Peers } from "driftdb-jupyter/webrtc";

const query = new URLSearchParams(location.search);
window.here = room(query.get("room"));
window.heard = [];
window.meet = () => {
  window.peers = new Peers(window.here);
  window.peers.onMessage((value) => window.heard.push(value));
};
window.meet();

import { createElement, type ReactElement, useEffect, useMemo, useState } from "react";
import type { Phase } from "../client/status";
import { qrCodeOf } from "../qr";
import { useConnectionStatus, useLatency, useRoom } from "./hooks";
import { roomInAddress } from "./provider";

/** Shows whether there is a connection, and how long the server takes to answer. */
export function StatusIndicator(): ReactElement {
  const status = useConnectionStatus();
  const latency = useLatency();
  const colour = status.connected ? "#15803d" : "#b91c1c";
  const dot = { ...DOT, background: colour };
  const { connected, phase = "closed" } = status;
  const label = connected ? "connected" : (LABELS.get(phase) ?? "not connected");
  return createElement(
    "span",
    { role: "status", title: status.text, style: INDICATOR },
    createElement("span", { "aria-hidden": true, style: dot }),
    label,
    status.connected && latency !== null ? ` (${Math.round(latency)} ms)` : "",
    status.connected
      ? createElement(
          "a",
          { href: status.debugUrl, target: "_blank", rel: "noreferrer", style: LINK },
          "inspect",
        )
      : null,
  );
}

/** Where waiting is of no use. */
const LABELS = new Map<Phase, string>([
  ["refused", "no permission"],
  ["gone", "no such room"],
]);

/** Shows a QR code of the page's address; nothing where that lacks the room's id, or is too long. */
export function RoomQRCode({ size = 200 }: { readonly size?: number }): ReactElement | null {
  const room = useRoom();
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (room !== null && roomInAddress() !== null) setAddress(location.href);
  }, [room]);
  const code = useMemo(() => (address === null ? null : qrCodeOf(address)), [address]);
  if (code === null) return null;
  return createElement(
    "svg",
    {
      viewBox: `0 0 ${code.size} ${code.size}`,
      width: size,
      height: size,
      role: "img",
      "aria-label": `QR code of ${address}`,
      shapeRendering: "crispEdges",
    },
    createElement("rect", { width: code.size, height: code.size, fill: "#fff" }),
    createElement("path", { d: code.path, fill: "#000" }),
  );
}

const INDICATOR = { display: "inline-flex", alignItems: "center", gap: 6 } as const;
const DOT = { width: 8, height: 8, borderRadius: 4 } as const;
const LINK = { color: "inherit" } as const;

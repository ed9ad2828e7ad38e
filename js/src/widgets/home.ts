import { roomUrl } from "../client/address";
import type { DetouredConnection } from "../client/detour";
import { join, leave } from "../client/rooms";
import { codeOf } from "./kernel_code";
import { type Carrier, throughKernel } from "./tunnel";

/** The room that a view is in, and what ends its stay there. */
export interface Home {
  readonly room: string;
  readonly connection: DetouredConnection;
  /** Asks the kernel for a file of the front end, where there is a kernel. */
  readonly code?: ((name: string) => Promise<string>) | undefined;
  leave(): void;
}

/** The kernel's side of a view, as far as it says where that is. */
export interface HomeModel extends Partial<Carrier> {
  get(name: "_server" | "_room"): string;
}

/** The room of a model; its kernel is a way there. */
export function homeOf(model: HomeModel): Home {
  const room = model.get("_room");
  const connection = join(roomUrl(model.get("_server"), room));
  const leaveKernel = throughKernel(model, connection);
  return {
    room,
    connection,
    code: codeOf(model),
    leave() {
      leaveKernel();
      leave(connection);
    },
  };
}

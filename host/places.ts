import type { Socket } from "node:net";

export interface PlaceLimits {
  /** Of all clients together. */
  readonly connections: number;
  /** Of one address; of one network of /64 where it is IPv6, since whoever has one such address has them all. */
  readonly connectionsPerAddress: number;
}

/**
 * Who may be connected. Where no place is free, a newcomer gets that of the connection that has been idle for longest: of its own address when that
 * has used up its share, else of the address that has most.
 */
export class Places {
  readonly #limits: PlaceLimits;
  readonly #idleSince: (socket: Socket) => number | undefined;
  readonly #byAddress = new Map<string, Set<Socket>>();
  #taken = 0;

  /** @param idleSince since when a connection has had nothing to do, in milliseconds of any clock; undefined while it has */
  constructor(limits: PlaceLimits, idleSince: (socket: Socket) => number | undefined) {
    this.#limits = limits;
    this.#idleSince = idleSince;
  }

  /** Takes a place until the connection closes. False: there is none. */
  take(socket: Socket): boolean {
    const address = networkOf(socket.remoteAddress ?? "");
    const own = this.#byAddress.get(address);
    if (own && own.size >= this.#limits.connectionsPerAddress && !this.#endIdlest(address, own)) return false;
    if (this.#taken >= this.#limits.connections && !this.#endIdlestOfMost()) return false;
    const sockets = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, sockets.add(socket));
    this.#taken++;
    socket.once("close", () => this.#leave(address, socket));
    return true;
  }

  #endIdlestOfMost(): boolean {
    const addresses = [...this.#byAddress].sort(([, a], [, b]) => b.size - a.size);
    return addresses.some(([address, sockets]) => this.#endIdlest(address, sockets));
  }

  #endIdlest(address: string, sockets: ReadonlySet<Socket>): boolean {
    let idlest: Socket | undefined;
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const socket of sockets) {
      const idleSinceMs = this.#idleSince(socket);
      if (idleSinceMs === undefined || idleSinceMs >= sinceMs) continue;
      idlest = socket;
      sinceMs = idleSinceMs;
    }
    if (!idlest) return false;
    this.#leave(address, idlest);
    idlest.destroy();
    return true;
  }

  #leave(address: string, socket: Socket): void {
    const sockets = this.#byAddress.get(address);
    if (!sockets?.delete(socket)) return;
    this.#taken--;
    if (sockets.size === 0) this.#byAddress.delete(address);
  }
}

/** An address of version 4 as it is, of version 6 its first four groups. */
function networkOf(address: string): string {
  const [, version4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (version4 !== undefined) return version4;
  const [head = "", tail] = address.split("::");
  const groups = (text = "") => text.split(":").filter((group) => group !== "");
  const missing = 8 - groups(head).length - groups(tail).length;
  const filled = [...groups(head), ...new Array<string>(Math.max(0, missing)).fill("0"), ...groups(tail)];
  return filled.slice(0, 4).join(":");
}

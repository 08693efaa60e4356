/** Many requests at once, each over a connection of its own or over one that is kept. */
import { RawClient, requestText } from "./raw_http.ts";

export interface FloodReport {
  /** How many were answered with each status; 0 is a connection that was closed without an answer. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly ms: number;
}

/** `inFlight` clients send `requests` in all; half of the clients keep their connection. */
export async function flood(
  socket: string,
  path: string,
  { requests, inFlight }: { readonly requests: number; readonly inFlight: number },
): Promise<FloodReport> {
  const statuses: Record<string, number> = {};
  let left = requests;
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, async (_, i) => {
    const keeps = i % 2 === 0;
    let client: RawClient | undefined;
    while (left-- > 0) {
      client ??= await RawClient.connect(socket);
      await client.send(requestText("GET", path));
      const answer = await client.answer();
      const status = answer?.status ?? 0;
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (keeps && answer) continue;
      client.close();
      client = undefined;
    }
    client?.close();
  }));
  return { statuses, ms: performance.now() - began };
}

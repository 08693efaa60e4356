// deno-lint-ignore-file no-console -- a program of the tests
/**
 * Servers of a network bed. Usage: servers.ts ROLE ADDRESS...: `host` answers what a guest must not reach, `internet` is the
 * world: TCP and UDP echo on port 7, bytes without end on 19, a hungry one on 9, and names on port 53.
 */
const [role = "", ...addresses] = Deno.args;

/** What names stand for; one of them for what is not public, one for the host itself. */
const NAMES: Readonly<Record<string, string>> = {
  "good.test": "203.0.113.10",
  "rebind.test": "10.99.0.5",
  "loopback.test": "127.0.0.1",
};

async function tcp(
  hostname: string,
  port: number,
  use: (conn: Deno.TcpConn) => Promise<unknown>,
): Promise<void> {
  for await (const conn of Deno.listen({ hostname, port })) {
    use(conn).catch(() => {}).finally(() => {
      try {
        conn.close();
      } catch { /* closed */ }
    });
  }
}

async function udp(hostname: string, port: number, answer: (data: Uint8Array) => Uint8Array): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
  for await (const [data, from] of socket) await socket.send(answer(data), from).catch(() => {});
}

/** An A record for a name that is known, else that there is none. */
function dns(question: Uint8Array): Uint8Array {
  let at = 12;
  const labels: string[] = [];
  while (question[at]) {
    labels.push(new TextDecoder().decode(question.subarray(at + 1, at + 1 + (question[at] ?? 0))));
    at += 1 + (question[at] ?? 0);
  }
  const address = NAMES[labels.join(".")];
  const end = at + 5;
  const answer = new Uint8Array(end + (address ? 16 : 0));
  answer.set(question.subarray(0, end));
  answer.set([0x81, address ? 0x80 : 0x83, 0, 1, 0, address ? 1 : 0, 0, 0, 0, 0], 2);
  if (address) answer.set([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split(".").map(Number)], end);
  return answer;
}

async function dnsTcp(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1024);
  const count = await conn.read(buffer) ?? 0;
  const answer = dns(buffer.subarray(2, count));
  await conn.write(new Uint8Array([answer.length >> 8, answer.length & 255, ...answer]));
}

const echo = (conn: Deno.TcpConn) => conn.readable.pipeTo(conn.writable);
const MIB = new Uint8Array(1024 * 1024).map((_, i) => i * 31);

for (const address of addresses) {
  if (role === "internet") {
    void tcp(address, 7, echo);
    void tcp(address, 19, async (conn) => {
      while (true) for (let at = 0; at < MIB.length;) at += await conn.write(MIB.subarray(at));
    });
    void tcp(address, 9, async (conn) => {
      const hash = new Uint8Array(1);
      const buffer = new Uint8Array(256 * 1024);
      let all = 0;
      for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) all += n;
      await conn.write(new TextEncoder().encode(`${all} ${hash[0]}`));
    });
    void udp(address, 7, (data) => data);
    void udp(address, 53, dns);
    void tcp(address, 53, dnsTcp);
  } else {
    void tcp(address, 7070, echo);
    void udp(address, 7070, (data) => data);
  }
}
console.log("ready");

import net from "node:net";

export interface Balancer {
  address: string;
  close: () => void;
}

/**
 * One address before several servers: each connection goes to the next that takes it. What a Service of Kubernetes or a
 * load balancer for TCP does, and no more: a connection whose server dies is closed, and its client connects again.
 */
export async function startBalancer(servers: readonly { host: string; port: number }[]): Promise<Balancer> {
  const open = new Set<net.Socket>();
  let turn = 0;
  const server = net.createServer((client) => {
    open.add(client);
    client.on("error", () => undefined).on("close", () => open.delete(client));
    const first = (turn += 1);
    const attempt = (tried: number) => {
      const target = servers[(first + tried) % servers.length];
      if (target === undefined || tried === servers.length) return void client.destroy();
      let connected = false;
      const upstream = net.connect({ ...target, timeout: 2_000 });
      upstream
        .once("connect", () => {
          connected = true;
          upstream.setTimeout(0);
          client.pipe(upstream).pipe(client);
        })
        .once("timeout", () => upstream.destroy())
        .on("error", () => undefined)
        .once("close", () => {
          if (connected) client.destroy();
          else attempt(tried + 1);
        });
      client.once("close", () => upstream.destroy());
    };
    attempt(0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

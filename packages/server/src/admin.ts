import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Registry } from 'prom-client';

export interface AdminOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** `/metrics` for Prometheus, `/healthz` and `/readyz` for orchestrators, on an address of its own that is loopback unless configured. */
export class AdminListener {
  private readonly server: Server;
  private readonly options: AdminOptions;
  private readonly metrics: Registry;
  private readonly notReadyBecause: () => string | undefined;

  /** `notReadyBecause`: undefined when clients may come. */
  constructor(options: AdminOptions, metrics: Registry, notReadyBecause: () => string | undefined) {
    this.options = options;
    this.metrics = metrics;
    this.notReadyBecause = notReadyBecause;
    this.server = createServer({ requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 8192 }, (request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
    this.server.maxConnections = 100;
  }

  /** Resolves with the URL. Rejects with Node's error if the address cannot be used. */
  listen(): Promise<string> {
    const { host, port } = this.options;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, () => {
        this.server.off('error', reject);
        const address = this.server.address() as AddressInfo;
        resolve(`http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, 'only GET and HEAD\n');
    if (path === '/healthz') return reply(response, 200, 'alive\n');
    if (path === '/readyz') {
      const reason = this.notReadyBecause();
      return reason === undefined ? reply(response, 200, 'ready\n') : reply(response, 503, `not ready: ${reason}\n`);
    }
    if (path !== '/metrics') return reply(response, 404, 'there are /metrics, /healthz and /readyz\n');
    reply(response, 200, await this.metrics.metrics(), this.metrics.contentType);
  }
}

function reply(response: ServerResponse, status: number, text: string, contentType: string = 'text/plain; charset=utf-8'): void {
  response.statusCode = status;
  response.setHeader('content-type', contentType);
  response.end(text);
}

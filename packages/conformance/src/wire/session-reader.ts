import { type MqttClient } from './mqtt-client.js';
import { acknowledge } from './requests.js';
import { type PublishPacket, type ServerPacket } from './server-packets.js';

/**
 * A client's half of a session over several connections: acknowledges what comes, and remembers which QoS 2 identifiers are not released,
 * so that a PUBLISH that is only sent again is no second delivery.
 */
export class SessionReader {
  /** Payloads as text, in the order of their first delivery; of QoS 1 each copy. */
  readonly payloads: string[] = [];
  private readonly unreleased = new Set<number>();

  take(client: MqttClient, packet: ServerPacket): void {
    if (packet.type === 'publish') this.takePublish(client, packet);
    else if (packet.type === 'pubrel') this.takePubrel(client, packet.packetId);
  }

  /** Takes packets until there are that many payloads. */
  async takeUntil(client: MqttClient, count: number): Promise<void> {
    while (this.payloads.length < count) this.take(client, await client.next(`message ${this.payloads.length + 1} of ${count}`));
  }

  /** Takes everything that comes before the answer to a PINGREQ. */
  async takeRest(client: MqttClient): Promise<void> {
    client.send(0xc0, 0);
    for (let packet = await client.next(); packet.type !== 'pingresp'; packet = await client.next()) this.take(client, packet);
  }

  private takePublish(client: MqttClient, { qos, packetId = 0, payload }: PublishPacket): void {
    if (qos < 2 || !this.unreleased.has(packetId)) this.payloads.push(payload.toString());
    if (qos === 1) client.send(acknowledge('puback', packetId));
    if (qos !== 2) return;
    this.unreleased.add(packetId);
    client.send(acknowledge('pubrec', packetId));
  }

  private takePubrel(client: MqttClient, packetId: number): void {
    this.unreleased.delete(packetId);
    client.send(acknowledge('pubcomp', packetId));
  }
}

export * from '@si-mqtt/codec/mqtt-packet';

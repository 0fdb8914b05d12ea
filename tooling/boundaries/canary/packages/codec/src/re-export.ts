// breaks: layer-codec
export { entry } from '@si-mqtt/topics';

const mqtt = require('mqtt');
const { run } = require('./exchange.mjs');

run(mqtt);

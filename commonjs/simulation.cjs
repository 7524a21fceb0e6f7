/** `indelible/simulation` for `require`: the ES module itself. */
module.exports = require('../dist/simulation/simulation.js');

/** The public surface for `require`: the ES module itself, which Node.js ≥ 20.19 loads synchronously. */
module.exports = require('../dist/index.js');

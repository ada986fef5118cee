/** A Node that has nothing to do. */
setInterval(() => {}, 1e9);

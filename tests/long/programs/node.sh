# needs: node
# timeout: 120
node files/workers.js

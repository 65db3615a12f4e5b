# needs: expect perl
# timeout: 120
expect files/session.exp

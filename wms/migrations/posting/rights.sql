-- The application reads stock and executes the posting functions; it writes no stock table.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON
  stock_balance, quant, hold, hold_transition, stock_command, movement,
  channel_buffer, supply, serial FROM soko_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON movement_rest FROM soko_app;
REVOKE DELETE ON handling_unit FROM soko_app;
REVOKE ALL ON FUNCTION stock_apply, stock_open, stock_expire_balances, movement_months FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  stock_lock, stock_reserve, stock_advance, stock_move, stock_move_unit, stock_put_unit, stock_kept,
  stock_expire, stock_set_limits
  TO soko_app;

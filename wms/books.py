"""The books: every law that `soko verify` judges, of every area, in one list.

An area's laws stand in its `laws.py`; a test sees to it that none is left out here.
"""

from wms.billing import laws as of_billing
from wms.collect import laws as of_collect
from wms.counting import laws as of_counting
from wms.inbound import laws as of_inbound
from wms.orders import laws as of_orders
from wms.outbound import laws as of_outbound
from wms.payments import laws as of_payments
from wms.returns import laws as of_returns
from wms.shipping import laws as of_shipping
from wms.stock.laws import Law
from wms.stock.verify import LAWS as OF_STOCK
from wms.stock.verify import NETWORK_LAWS
from wms.transfers import laws as of_transfers
from wms.waves import laws as of_waves
from wms.work import laws as of_work

LAWS: tuple[Law, ...] = (
    *OF_STOCK,
    *of_orders.LAWS,
    *of_work.LAWS,
    *of_outbound.LAWS,
    *of_payments.LAWS,
    *of_shipping.LAWS,
    *of_returns.LAWS,
    *of_collect.LAWS,
    *of_inbound.LAWS,
    *of_counting.LAWS,
    *of_billing.LAWS,
    *of_waves.LAWS,
)
# Goods on their way between sites: a cell by itself does not see the other end.
ALL_LAWS = (*LAWS, *NETWORK_LAWS, *of_transfers.LAWS)

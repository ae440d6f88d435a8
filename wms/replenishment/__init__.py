"""Replenishment: where goods will be wanted, proposed before they are, approved by people."""

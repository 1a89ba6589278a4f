package org.pannier.courier;

import com.getcapacitor.BridgeActivity;

public class MainActivity extends BridgeActivity {}
